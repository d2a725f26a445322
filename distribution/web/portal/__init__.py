"""The portal: coordinators of schools and districts read their students' scores."""
