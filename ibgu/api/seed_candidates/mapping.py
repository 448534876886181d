"""Maps the checks of a cluster that a seed image is to be generated from."""

from ibgu.api.seed_candidates.schemas import SeedCandidateBody, SeedCheckBody
from ibgu.core.drivers.ibu.seeds import CandidateFacts, check_candidate


def candidate_body(facts: CandidateFacts) -> SeedCandidateBody:
    return SeedCandidateBody(
        cluster=facts.cluster.name,
        release=facts.cluster.release,
        checks=[
            SeedCheckBody(
                title=each.title,
                outcome=each.outcome,
                message=each.message,
                remedy=each.remedy,
            )
            for each in check_candidate(facts)
        ],
    )
