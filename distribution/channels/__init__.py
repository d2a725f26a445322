"""The ways out: paper, electronic, portal, and e-mail for codes and notices."""
