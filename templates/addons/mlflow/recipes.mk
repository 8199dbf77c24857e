experiments: ready ## Show the tracked experiments on http://127.0.0.1:5000 (ARGS=…)
	$(RUN) {{ cookiecutter.package_name }}.tracking show $(ARGS)
