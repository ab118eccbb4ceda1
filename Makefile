# `make COMMAND` is `python3 dev.py COMMAND`, which needs no make; arguments go in ARGS, as in `make test ARGS="-k stream"`,
# those of bench in SCENARIO too, as in `make bench SCENARIO=A`.

.DEFAULT_GOAL := help
COMMANDS := $(shell python3 dev.py names)

.PHONY: $(COMMANDS)
$(COMMANDS):
	@python3 dev.py $@ $(SCENARIO) $(ARGS)
