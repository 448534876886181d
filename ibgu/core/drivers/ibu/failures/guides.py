"""Recovery guides of known failures: pages of the documentation, with their headings."""

from enum import StrEnum


class Guide(StrEnum):
    FAILED_CLUSTERS = "docs/guides/in-steps.md#clusters-that-failed"
    BACKUP_BEFORE = "docs/guides/in-steps.md#with-a-backup"
    PARTITION = "docs/guides/prepare.md#the-partition"
    PREPARE = "docs/guides/prepare.md#step-by-step"
    POLICIES = "docs/guides/preflight.md#manifests-in-policies"
    OADP_CONTENT = "docs/guides/oadp-content.md#backups-and-restores"
    EXTRA_MANIFESTS = "docs/guides/oadp-content.md#extra-manifests"
    SEED_PROFILE = "docs/guides/seeds.md#the-profile"
    SEED_GENERATION = "docs/guides/seeds.md#make-a-seed"
    NEW_RELEASE = "docs/guides/roll-back.md#failed-on-the-new-release"
    BACKUPS_FAIL = "docs/troubleshooting.md#backups-and-restores-fail"
    CLEANUP = "docs/troubleshooting.md#abortfailed-finalizefailed"
    AUTOMATIC_ROLLBACK = "docs/troubleshooting.md#the-cluster-has-rolled-back-automatically"
    ROLLBACK_FAILS = "docs/troubleshooting.md#a-rollback-fails"
    REBOOT_FAILS = "docs/troubleshooting.md#the-node-does-not-reboot"
    EMPTY_VOLUMES = "docs/troubleshooting.md#volumes-are-empty-after-an-upgrade"
