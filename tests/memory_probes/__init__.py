"""The probe benchmark of the memory: what an agent can still go on with after its conversation was compressed."""
