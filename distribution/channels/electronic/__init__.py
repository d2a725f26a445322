"""Files for institutions: layouts, score files, and the drop by SFTP."""
