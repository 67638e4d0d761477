"""What people, rules and judges say of pairs: approved, rejected, needs_edit, skipped; and their edits."""
