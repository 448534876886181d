from ibgu.cli import main

if __name__ == "__main__":
    main()
