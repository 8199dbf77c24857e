{% if cookiecutter.docker %}cluster: engine ## Start a Dask cluster in containers on 127.0.0.1 (WORKERS=4)
	@$(MAKE) --no-print-directory image ARGS=--quiet
	@$(DOCKER) compose up --detach --wait --scale cluster-worker=$(or $(WORKERS),4) \
		scheduler cluster-worker
{% endif %}