"""What each verb does once its syntax and its place in the conversation are right."""
