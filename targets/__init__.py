"""The built-in targets: profiles of boards, operator tables of runtimes, rules, emitters."""
