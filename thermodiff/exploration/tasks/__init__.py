"""Problems whose answers can be checked, as tokens: what a policy is asked, and when it is right."""
