data-push: ready ## Store the data that git ignores (FORCE=yes: over others' changes)
	@sh make/remote-data push $(BIN)/python

data-pull: ready ## Get the data of this commit (FORCE=yes: over your changes)
	@sh make/remote-data pull $(BIN)/python

data-status: ready ## Compare the data with this commit and the remote
	@sh make/remote-data status $(BIN)/python
