"""Pictures made by procedures: soft subjects and backgrounds."""
