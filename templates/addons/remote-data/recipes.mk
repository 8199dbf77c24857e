data-push: ready ## Store the data and models that git ignores (FORCE=yes: over others' changes)
	@sh make/remote-data push $(BIN)/python

data-pull: ready ## Get the data and models of this commit (FORCE=yes: over your changes)
	@sh make/remote-data pull $(BIN)/python

data-status: ready ## Compare data and models with this commit and with the remote
	@sh make/remote-data status $(BIN)/python
