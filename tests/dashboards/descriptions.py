"""Describes each panel: what it shows, and what to do about it."""

NOW = {
    "Running": "Rollouts of which a step runs.",
    "Held or invalid": "Rollouts in which nothing new starts, and those that ibgu can't carry "
    "out. `ibgu get` lists them, and `ibgu status` says why.",
    "In flight": "Clusters that have a slot, in all running steps.",
    "Waiting": "Clusters of running steps that have no slot yet, or are held.",
    "Completed with failures": "Rollouts that are over, and have clusters that failed. `ibgu "
    "stragglers` shows what you can do with them.",
    "Stalled": "Clusters whose action takes longer than 95% of such actions on this hub.",
    "Step": "The number of the running step.",
    "Waiting or running": "Clusters of the rollout that have not ended it.",
    "Done": "Clusters that have succeeded in every step that takes them.",
    "Failed": "Clusters that have failed in a step. `ibgu stragglers` shows what you can do.",
    "Held": "1 while nothing new starts. `ibgu status` says why, and who has to act.",
    "Clusters updated, last day": "Updates that have succeeded.",
    "Releases refused, last day": "Clusters that have refused the release.",
    "Backups failed, last day": "Clusters that ended a step since their backup failed.",
    "Stalled updates": "Clusters of FleetUpdates whose action takes longer than 95% of such "
    "actions on this hub.",
    "Clusters paused": "Clusters of which a rollout has paused pools of nodes.",
    "Updates failed, last day": "Updates that have failed, were refused, or ran into their limit.",
    "Leaders": "1: one controller leads. 0: none does, and nothing new starts.",
    "Journal unavailable": "1 while Postgres can't be written: nothing new starts.",
    "Rights missing": "Rights that ibgu needs and the hub refuses. `ibgu doctor` names them.",
    "TALM is live": "1 while a live TALM keeps ibgu from writing, or from starting rollouts of a "
    "namespace.",
    "Oldest watch": "Time since the hub has sent anything about the quietest kind. Beyond three "
    "minutes ibgu may not see what happens.",
    "Writes pending": "Objects that ibgu has still to write to the hub.",
}
"""The numbers on top of the dashboards."""
WORK = {
    "Clusters of running steps": "Clusters of all running steps by state, also those that have "
    "ended the step.",
    "Slots": "Slots that are used, and how many there are (maxConcurrency).",
    "Rollouts by phase": "All rollouts of the hub by the phase that their status shows.",
    "Failures by cause, per hour": "Clusters that have failed in a step, by its first action and "
    "their cause. Many of one cause point to the seed image or to the hub.",
    "Ends per minute": "Clusters that have ended a step, by outcome.",
    "Held, or rate limited": "Rollouts in which nothing new starts, by reason; those that start "
    "one cluster after the other; those that pass a policy by a BreakGlass; second rollouts that "
    "policies have asked for.",
    "Clusters held by policies": "In a window that is closed, in a freeze, behind a limit, or "
    "without an approval. `ibgu policy explain` says by what.",
    "Stalled by rollout": "Clusters whose action takes longer than 95% of such actions on this "
    "hub.",
    "Clusters of the whole rollout": "Each cluster once, by how far it has come.",
    "Findings of preflight": "Findings for the running step. `ibgu preflight` lists them.",
    "Clusters of the running step": "Clusters of the step by state.",
    "Stalled by action": "Clusters whose action takes longer than 95% of such actions on this hub.",
    "Clusters that warned, or can be rolled back": "Clusters that have completed an action with a "
    "warning; those that can still be rolled back; those with paused parts.",
    "Clusters that wait for a person, or soak": "Clusters that go on only once a person acts, by "
    "reason, and those whose success still has to last.",
    "Time left to finalize or roll back, and time that parts of clusters are paused": "Finalize "
    "or roll back before the first deadline. Parts that stay paused run out of certificates.",
    "How long actions take (all rollouts)": "Actions that have succeeded, from when they were "
    "sent.",
    "Durations of actions (all rollouts)": "How many actions have ended, by how long they took.",
    "Waiting and working (all rollouts)": "Per cluster that ended a step: before its start, and "
    "after it.",
    "Ends of actions per minute (all rollouts)": "Actions that have ended, by result.",
    "Ends of actions, per hour": "Actions of FleetUpdates that have ended, by result.",
    "Failures of FleetUpdates by cause, per hour": "Clusters that have failed in a step, by its "
    "first action and their cause.",
    "Stalled by FleetUpdate": "Clusters whose action takes longer than 95% of such actions on "
    "this hub.",
    "Clusters with paused parts": "Clusters of which a rollout has paused pools of nodes, and not "
    "resumed them yet.",
    "How long parts of clusters are paused": "After a day, nodes may run out of certificates.",
    "How long actions of FleetUpdates take": "Actions that have succeeded, from when they were "
    "sent.",
    "Pools and Updates that go on with another run, per hour": "An Update over an intermediate "
    "release and pools that are resumed one after the other take several runs.",
}
"""What becomes of rollouts and clusters."""
PROCESS = {
    "Reaction": "Time from a change on the hub until ibgu's answer is in the journal and queued "
    "for the hub.",
    "Turns": "Time of one cycle, in which ibgu decides on all that has changed.",
    "Journal commits": "Time that Postgres takes to store the decisions of a cycle.",
    "Old records deleted in an hour": "Records of the journal that were deleted for their age.",
    "Write queue": "Objects that ibgu has still to write to the hub. It grows while the hub is "
    "slow.",
    "Requests to the hub": "Requests by the class of their status; none: no answer.",
    "Bytes sent to the hub": "Bodies of requests, by what they are about.",
    "Writes by result": "Writes to the hub by kind of object. Conflicts are tried again.",
    "Clusters asked to be read now": "Where agents poll, ibgu touches the work of a cluster that "
    "is about to end its action. Waiting: due, but behind the rate limit.",
    "Silence of watches": "Time since the hub has sent anything about a kind.",
    "Objects that could not be read": "Objects of the hub that are malformed. The log names them.",
    "Errors of ibgu's own": "Rollouts that ibgu can't work on because of an error of its own, and "
    "such errors. The log has them.",
    "Leader": "Which process leads, and how often it has begun to.",
    "Memory": "Resident memory of each process.",
    "CPU": "Cores that each process takes.",
    "REST: answers": "Answers of the API by status.",
    "REST: time": "Time to the head of an answer, by route.",
    "REST: open now": "Connections, streams, and requests that take long.",
    "REST: refused or cut": "Requests and streams that were refused or cut so that others are "
    "served.",
    "Notifications: oldest message": "Age of what has not reached a receiver yet.",
    "Notifications: tries": "Attempts per minute to reach a receiver, by result.",
    "Versions": "How many processes run each version of ibgu.",
    "Sources of canaries' health: questions": "Questions per minute whether a canary is well, by "
    "answer.",
}
"""The controller and the API."""
DESCRIPTIONS = {**NOW, **WORK, **PROCESS}
"""The descriptions by title, which is the same thing on every dashboard."""
