"""What each verb does: one async file a verb or a family of verbs."""
