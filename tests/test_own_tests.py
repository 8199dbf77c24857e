"""A project's own tests notice faults of its source, each assertion one of its own.

An assertion or a case less makes no test fail: the weaker one still passes. So here are
faults of the source, and for each the test that must notice it. Of a test with several
assertions each has a fault that the others don't notice, where the source can have one.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from conftest import ROOT, SLOWEST_COMMAND, Project, programs_of
from quick import CAN_FORK
from test_starters import own_tests


class Fault(NamedTuple):
    """What stands in a module instead of what."""

    module: str
    was: str
    becomes: str


# A text that is there once, and what stands for it in all tests but its own.
QUICK = (("evaluate", "REPEATS = 10", "REPEATS = 1"), ("plots", "dpi=200", "dpi=20"))

# Faults of several tests, and parts of some.
ECHO = """' '.join(message.split())}", err=True)"""
TWO_LINES = Fault("cli", ECHO, ECHO.replace('"', '\\n"', 1))
NO_PREFIX = Fault("cli", '"error: {', '"{')
NO_REASON = Fault("cli", "_fail(str(error))\n    except", '_fail("")\n    except')
LOAD_RAW = "return table[COLUMNS]"
CHECKED = "numbers(table[column], path, wanted, _is_possible)"
RESULT = "[table, predicted], axis=1)"
AS_NUMBER = """
from pydantic import BeforeValidator
Number = BeforeValidator(lambda x: float(x) if isinstance(x, {}) else x)
Size = Annotated[float, Number,"""
OTHER_STATUS = Fault("api", '"/predict",\n', '"/predict",\n        status_code=201,\n')
OTHER_REFUSAL = Fault("api", "            422,\n", "            400,\n")

CLI = {
    "test_prepare_and_figures_fill_the_project": [
        Fault("commands_analysis", "save(penguins, t", "save(penguins.head(), t"),
        Fault("commands_analysis", '(f"wrote {path}")', '(f"wrote {path.name}")'),
    ],
    "test_paths_on_the_command_line_need_no_project": [
        Fault(
            "commands_analysis",
            "= data.load_raw(",
            "= load_settings() and data.load_raw(",
        ),
        Fault("commands_analysis", "= data.load(", "= load_settings() and data.load("),
        Fault(
            "commands_analysis",
            "target or load_settings().figures_dir",
            "source.parent",
        ),
    ],
    "test_a_missing_input_is_one_line_on_standard_error": [
        Fault(
            "cli",
            "    raise SystemExit(1)",
            "    print(message)\n    raise SystemExit(1)",
        ),
        NO_PREFIX,
        TWO_LINES,
    ],
    "test_a_missing_project_is_one_line_on_standard_error": [NO_REASON],
    "test_an_output_that_cannot_be_written_is_one_line": [
        NO_PREFIX,
        Fault("cli", "{error.filename}: {error.strerror}", "{error.strerror}"),
        TWO_LINES,
    ],
    "test_the_version_is_that_of_the_distribution": [
        Fault("commands_analysis", "typer.echo(__version__)", "typer.echo('1')"),
    ],
    "test_a_wrong_command_is_a_usage_error": [
        Fault("cli", "app(arguments)", "app(['--wrong'])"),
    ],
    "test_no_command_shows_those_that_there_are": [
        Fault("commands_analysis", "no_args_is_help=True", "no_args_is_help=False"),
    ],
    "test_the_package_is_a_program": [
        Fault("commands_analysis", "add_completion=False", "add_completion=True"),
        Fault("cli", "app(arguments)", "app(arguments, prog_name='analysis')"),
        Fault(
            "commands_analysis",
            "@app.command()\ndef prepare",
            "@app.command(hidden=True)\ndef prepare",
        ),
        Fault(
            "commands_analysis",
            "@app.command()\ndef figures",
            "@app.command(hidden=True)\ndef figures",
        ),
    ],
    "test_the_console_script_is_the_command_line": [
        Fault("cli", "def main(", "def run_it("),
    ],
}
CONFIG = {
    "test_an_editable_install_finds_its_own_project_from_anywhere": [
        Fault(
            "config", "find_root(Path(__file__), Path.cwd())", "find_root(Path.cwd())"
        ),
    ],
    "test_an_installed_copy_finds_the_project_around_it": [
        Fault(
            "config",
            "find_root(Path(__file__), Path.cwd())",
            "find_root(Path(__file__))",
        ),
    ],
    "test_the_variable_comes_first": [
        Fault("config", 'Path("data/raw/penguins.csv")', 'Path("data/penguins.csv")'),
        Fault("config", "penguins.parquet", "penguin.parquet"),
        Fault("config", 'Path("reports/figures")', 'Path("figures")'),
    ],
    "test_settings_stay_as_they_were_read": [
        Fault("config", "frozen=True", "frozen=False"),
    ],
    "test_an_empty_variable_counts_as_none": [
        Fault("config", "env_ignore_empty=True", "env_ignore_empty=False"),
    ],
    "test_the_env_file_of_the_project_is_read": [
        Fault("config", 'env_file_encoding="utf-8"', 'env_file_encoding="latin-1"'),
        Fault("config", "root / path.expanduser()", "root / str(path).lstrip('/')"),
        Fault("config", 'extra="ignore"', 'extra="forbid"'),
    ],
    "test_the_env_file_can_name_the_root": [
        Fault("config", "Path(root or here)", 'Path(root or "/nowhere")'),
    ],
    "test_a_variable_beats_the_env_file": [
        Fault(
            "config",
            "    @classmethod\n    def load(",
            "    @classmethod\n"
            "    def settings_customise_sources(cls, of, init_settings, env_settings,"
            " dotenv_settings, file_secret_settings):\n"
            "        return init_settings, dotenv_settings, env_settings\n\n"
            "    @classmethod\n    def load(",
        ),
    ],
    "test_the_first_place_is_trusted_before_the_next": [
        Fault("config", "is_file() and (", "is_file() or ("),
        Fault("config", "in starts:", "in starts[:1]:"),
        Fault("config", "(start, *start.parents)", "(start,)"),
        Fault("config", "in starts:", "in starts[::-1]:"),
        Fault("config", "return None", "return starts[0]"),
    ],
    "test_no_project_is_said_with_what_to_do": [
        Fault("config", " or set {PREFIX}ROOT to its directory", ""),
    ],
    "test_a_root_that_does_not_exist_is_refused": [
        Fault("config", "if not root.is_dir()", "if not root"),
    ],
    "test_an_env_file_in_another_encoding_is_refused": [
        Fault("config", "except UnicodeDecodeError", "except KeyError"),
    ],
    "test_a_setting_that_is_not_what_it_must_be_is_named": [
        Fault("config", "{name} is {first['input']!r}: ", "{name}: "),
    ],
}
DATA = {
    "test_the_sample_has_344_penguins_in_the_expected_columns": [
        Fault(
            "data", LOAD_RAW, f"{LOAD_RAW}.reindex(range(-1, len(table)))"
        ),  # a blank row
        Fault("data", LOAD_RAW, "return table"),
    ],
    "test_labels_are_text_and_measurements_are_numbers": [
        Fault("data", '.astype("Int64")\n', "\n"),
        Fault(
            "data",
            '"a positive number", is_size)',
            '"a positive number", is_size) / 10',
        ),
        Fault("data", '.astype("Int64")\n', '.astype("Int64") % 100\n'),
    ],
    "test_missing_values_stay_missing": [
        Fault("data", "    return found", "    return found.fillna(0)"),
        Fault("data", LOAD_RAW, f"{LOAD_RAW}.fillna({{'sex': 'unknown'}})"),
    ],
    "test_columns_may_come_in_any_order_and_with_others": [
        Fault(
            "data",
            LOAD_RAW,
            "return table[[*COLUMNS, *table.columns.difference(COLUMNS)]]",
        ),
    ],
    "test_a_byte_order_mark_is_no_part_of_the_header": [
        Fault("data", 'dtype="str",', 'dtype="str", encoding="latin-1",'),
    ],
    "test_a_bad_table_is_refused_in_one_line_that_says_why": [
        Fault("data", "{path} is empty", "{path} is bad"),
        Fault("data", "isinstance(table.index, pd.RangeIndex)", "True"),
        Fault(
            "data", "keep_default_na=False,", "keep_default_na=False, quoting=3,"
        ),  # quotes are text
        Fault(
            "data",
            'numbers.between(0, np.inf, inclusive="neither")',
            "numbers < np.inf",
        ),
        Fault("data", 'numbers.between(0, np.inf, inclusive="neither")', "numbers > 0"),
        Fault("data", "numbers.isin(range(1900, 2101))", "numbers.between(1900, 2100)"),
        Fault("data", '"{path} is empty"', '"the table is empty"'),
        Fault("data", "in its rows than", "in its rows\\nthan"),
        Fault("data", "str(error).strip()", "str(error)"),
    ],
    "test_cleaning_keeps_the_342_measured_penguins": [
        Fault("data", 'subset=["species", *', 'subset=["species", "sex", *'),
        Fault("data", 'raw.dropna(subset=["species", *MEASUREMENTS])', "raw.head(342)"),
        Fault("data", ".reset_index(drop=True)", ""),
    ],
    "test_a_penguin_of_unknown_sex_is_kept": [
        Fault("data", 'subset=["species", *', 'subset=["species", "sex", *'),
    ],
    "test_labels_become_categories": [
        Fault("data", "dict.fromkeys(LABELS,", "dict.fromkeys(LABELS[1:],"),
        Fault("data", "dict.fromkeys(LABELS,", 'dict.fromkeys(["species", "sex"],'),
    ],
    "test_cleaning_leaves_the_raw_table_as_it_was": [
        Fault("data", "    kept = raw", '    raw["sex"] = "female"\n    kept = raw'),
    ],
    "test_what_is_saved_is_what_is_loaded": [
        Fault("data", "penguins.to_parquet(", "penguins.head().to_parquet("),
    ],
    "test_a_missing_file_is_named_with_what_to_do": [
        Fault("data", "; put the file there or name another", ""),
    ],
    "test_a_directory_cannot_be_read": [
        Fault("data", "except OSError as", "except KeyError as"),
    ],
    "test_text_in_another_encoding_is_refused": [
        Fault("data", "except UnicodeDecodeError", "except KeyError"),
    ],
    "test_cleaning_says_when_nothing_is_left": [
        Fault("data", "if kept.empty:", "if False:"),
    ],
    "test_a_table_that_was_not_prepared_is_asked_for": [
        Fault("data", '; `prepare` makes it"', '"'),
    ],
    "test_a_file_that_is_not_parquet_is_refused": [
        Fault("data", "except (TypeError, ValueError)", "except TypeError"),
    ],
    "test_a_parquet_file_with_other_content_is_refused": [
        Fault("data", ", columns=COLUMNS)", ")"),
        Fault("data", "return table.astype(TYPES)", "return table"),
    ],
}
PLOTS = {
    "test_a_figure_has_a_title_and_labelled_axes": [
        Fault("plots", 'loc="left"', 'loc="center"'),
        Fault("plots", "Bill length (mm)", "Bill length"),
        Fault("plots", "Bill depth (mm)", "Bill depth"),
    ],
    "test_the_legend_counts_the_penguins": [
        Fault("plots", "label=_counted(str(name), group)", "label=str(name)"),
        Fault("plots", "label=_counted(sex, group)", "label=sex"),
    ],
    "test_a_line_is_drawn_for_each_species_and_for_all": [
        Fault("plots", "_draw_fit(axes, group[x], group[y], color=colour)", "pass"),
    ],
    "test_every_median_is_written": [
        Fault("plots", 'f"{median:,.0f}"', 'f"{low:,.0f}"'),
    ],
    "test_a_figure_is_saved_as_the_same_png_each_time": [
        Fault("plots", "dpi=200", "dpi=100"),
        Fault("plots", "dpi=200", 'dpi=200, metadata={"Title": str(path)}'),
    ],
    "test_drawing_needs_no_window": [
        Fault(
            "plots",
            "    figure = Figure(",
            "    from matplotlib import pyplot\n\n    figure = Figure(",
        ),
    ],
    "test_a_line_is_fitted_by_least_squares": [
        Fault("plots", "np.polyfit(x, y, deg=1)", "0, y.mean()"),
        Fault(  # a line through both ends
            "plots",
            "np.polyfit(x, y, deg=1)",
            "np.polyfit(x.iloc[[0, -1]], y.iloc[[0, -1]], deg=1)",
        ),
    ],
    "test_bills_slope_up_in_each_species_and_down_over_all": [
        Fault(
            "plots", "np.polyfit(x, y, deg=1)", "np.polyfit(x[:152], y[:152], deg=1)"
        ),  # the long tables
    ],
    "test_a_millimetre_of_flipper_goes_with_50_g": [
        Fault(
            "plots", "np.polyfit(x, y, deg=1)", "np.polyfit(x[:152], y[:152], deg=1)"
        ),
    ],
    "test_one_penguin_of_unknown_sex_can_be_drawn": [
        Fault("plots", "if x.min() < x.max():", "if True:"),
    ],
    "test_males_are_heavier_in_every_species": [
        Fault(
            "data",
            '"a positive number", is_size)',
            '"a positive number", is_size) / 10',
        ),
    ],
}
COMMANDS_MODEL = {
    "test_train_writes_the_model_and_says_how_good_it_is": [
        Fault("commands_model", "learned from {len(rows)} rows", "{len(rows)} rows"),
        Fault("commands_model", '"cross-validating"', '"working"'),
    ],
    "test_evaluate_writes_what_it_shows": [
        Fault("commands_model", " rows that the model has not seen", " rows"),
        Fault("commands_model", '.replace("_", " ")', ""),
        Fault(
            "commands_model",
            "(written[0], found)",
            '(written[0], {**found, "rows": 0})',
        ),
        Fault("commands_model", 'f"{name}.png"', 'f"{name}-figure.png"'),
    ],
    "test_predict_writes_as_many_rows_as_there_are": [
        Fault("commands_model", "wrote {len(table)} predictions", "wrote predictions"),
        Fault("commands_model", "save_table(table, t", "save_table(table.head(), t"),
    ],
    "test_another_table_is_none_to_evaluate_on": [
        Fault(
            "commands_model",
            "{source} is not the table that",
            "{source} is no table that",
        ),
        TWO_LINES,
    ],
    "test_a_score_that_is_no_number_is_not_written": [
        Fault("commands_model", "    text = json", "    path.touch()\n    text = json"),
    ],
    "test_a_missing_model_is_one_line": [
        Fault("commands_model", "    model, _ =", "    target.touch()\n    model, _ ="),
    ],
    "test_a_bad_table_is_one_line_and_nothing_is_written": [
        Fault("data", "{', '.join(missing)}", "{missing[0]}"),
        TWO_LINES,
        Fault(
            "commands_model",
            "    table = predict",
            "    target.touch()\n    table = predict",
        ),
    ],
    "test_the_settings_say_where_the_model_lies": [
        Fault("store", "    write(path, content)\n", ""),
        Fault("store", "    write(beside(path, ", "    print(beside(path, "),
    ],
}
EVALUATE = {
    "test_the_scores_are_those_of_the_confusion_matrix": [
        Fault("evaluate", '"rows": len(rows),', '"rows": len(rows) - 1,'),
        Fault("evaluate", "float(metrics.accuracy_score(true, predicted))", "0.97"),
        Fault("train", "(max_iter=1000,", "(C=1e-3, max_iter=1000,"),
        Fault("evaluate", 'average="macro"', 'average="weighted"'),
        Fault("evaluate", "float(recall[n])", "float(precision[n])"),
        Fault("evaluate", "int(support[n])", "int(support.sum())"),
    ],
    "test_the_bill_tells_most_and_every_column_is_weighed": [
        Fault(
            "evaluate",
            "zip(FEATURES, map(float, shuffled.importances_mean), strict=True)",
            "sorted(zip(FEATURES, map(float, shuffled.importances_mean), strict=True))",
        ),
        Fault("evaluate", "greater_is_better=False", "greater_is_better=True"),
    ],
    "test_rows_of_one_species_can_be_evaluated": [
        Fault(
            "evaluate", "labels=true.unique()", "labels=model.classes_, zero_division=0"
        ),
        Fault("evaluate", "int(support[n])", "int(support.sum())"),
    ],
    "test_the_confusion_matrix_shows_every_count": [
        Fault("evaluate", "counts.iloc[row, column]", "counts.iloc[column, row]"),
        Fault("evaluate", ", list(counts.index))", ")"),
        Fault("evaluate", "    axes.grid(visible=False)\n", ""),
        Fault("evaluate", "{evaluation['rows']} penguins", "the penguins"),
    ],
    "test_the_importance_has_a_bar_for_each_column": [
        Fault("evaluate", "barh(columns, lengths", "barh(columns[-3:], lengths[-3:]"),
        Fault("evaluate", "barh(columns, lengths", "barh(columns[::-1], lengths[::-1]"),
        Fault("evaluate", "{columns[-1]}", "{columns[0]}"),
    ],
}
FEATURES = {
    "test_the_raw_table_holds_what_the_model_asks_for": [
        Fault("features", "in MEASUREMENTS:", "in MEASUREMENTS[::-1]:"),
        Fault(
            "features", "return checked", "return checked.set_index(checked.index + 1)"
        ),
        Fault(
            "features",
            'values.astype("object").where(values.notna(), np.nan)',
            "values",
        ),
        Fault(
            "features",
            "where(values.notna(), np.nan)",
            "where(values.notna(), known[0])",
        ),
    ],
    "test_numbers_may_be_text_and_missing_values_may_be_none": [
        Fault(
            "features",
            CHECKED,
            CHECKED.replace(
                "[column]", "[column].mask(table[column].map(type) == str)"
            ),
        ),
    ],
    "test_checking_leaves_the_table_as_it_was": [
        Fault(
            "features",
            "checked[column] = _cat",
            "checked[column] = table[column] = _cat",
        ),
    ],
    "test_a_value_that_the_model_does_not_know_is_named": [
        Fault("features", "values.notna() & ~", "(values.map(type) == str) & ~"),
        Fault(
            "features",
            CHECKED,
            CHECKED.replace(
                "[column]", "[column].mask(table[column].map(type) == str)"
            ),
        ),
        Fault("features", 'inclusive="right"', 'inclusive="both"'),
        Fault(
            "features",
            CHECKED,
            CHECKED.replace("[column]", "[column].replace(np.inf, np.nan)"),
        ),
        Fault("features", "between(0, LARGEST,", "between(0, 1e9,"),
        Fault("features", '"{path}, row', '"row'),
        Fault("features", "{bad[0] + 1}", "{bad[0]}"),
    ],
    "test_a_quarter_of_each_species_is_held_out": [
        Fault("features", "Split(learned, held_out)", "Split(rows, held_out)"),
        Fault(
            "features",
            "Split(learned, held_out)",
            "Split(learned.sample(258, replace=True), held_out)",
        ),
    ],
    "test_the_seed_decides_which_rows_are_held_out": [
        Fault("features", "random_state=seed", "random_state=None"),
        Fault("features", "random_state=seed", "random_state=0"),
    ],
    "test_rows_without_a_species_are_left_out": [
        Fault(
            "features",
            "table.dropna(subset=[TARGET])",
            'table.fillna({TARGET: "Adelie"})',
        ),
    ],
    "test_a_column_of_a_wrong_type_is_named": [
        Fault("features", '"iufO"', '"iufObM"'),
    ],
    "test_every_missing_column_is_named": [
        Fault("data", "{', '.join(missing)}", "{missing[0]}"),
    ],
    "test_a_table_without_rows_is_refused": [
        Fault("features", "if table.empty:", "if False:"),
    ],
    "test_too_few_species_are_refused": [
        Fault("features", "len(counts) < 2 or ", ""),
        Fault("features", "{found or 'no species'}", "{found}"),
    ],
}
PREDICT = {
    "test_predictions_stand_beside_the_rows": [
        Fault("predict", RESULT, "[predicted, table], axis=1)"),
        Fault("predict", RESULT, '[table.fillna({"sex": "male"}), predicted], axis=1)'),
        Fault("predict", "model.predict_proba(rows)", "model.predict_proba(rows) / 2"),
        Fault("predict", "pd.DataFrame(likely,", "pd.DataFrame(likely[:, ::-1],"),
        Fault(
            "predict", "model.predict_proba(rows)", "model.predict_proba(rows[::-1])"
        ),
    ],
    "test_csv_and_parquet_give_the_same_predictions": [
        Fault("predict", "to_csv(path, index=False,", "to_csv(path,"),
        Fault("predict", 'na_rep="NA"', 'na_rep="NA", float_format="%.0f"'),
    ],
    "test_what_stands_in_a_csv_file_is_kept_as_it_stands": [
        Fault("predict", ', na_rep="NA"', ""),
    ],
    "test_a_file_that_is_no_table_is_refused": [
        Fault("data", "no raw data at", "nothing at"),
        Fault(
            "predict",
            'FileNotFoundError:\n        raise DataError(f"no table at',
            'KeyError:\n        raise DataError(f"no table at',
        ),
        Fault("data", "{path} is empty", "{path} is bad"),
        Fault("predict", '"is empty" if', '"is bad" if'),
        Fault("predict", "is not a Parquet table", "is bad"),
    ],
    "test_a_table_with_predictions_is_refused": [
        Fault("predict", "if taken:", "if False:"),
    ],
}
STORE = {
    "test_the_model_lies_in_the_project": [
        Fault("store", '"models/species.joblib"', '"species.joblib"'),
    ],
    "test_what_is_saved_is_what_is_loaded": [
        Fault("store", "joblib.dump(model, ", "joblib.dump(model[:-1], "),
        Fault("store", "        seed=seed,", "        seed=0,"),
        Fault("store", "in model.classes_]", "in model.classes_[::-1]]"),
        Fault("store", "versions=versions()", 'versions=versions() | {"joblib": "1"}'),
        Fault("store", '"pandas", "joblib")', '"pandas")'),
    ],
    "test_a_record_stays_as_it_was_read": [
        Fault("store", "frozen=True", "frozen=False"),
    ],
    "test_nothing_else_is_left_beside_it": [
        Fault(
            "store",
            "    write(path, content)",
            '    write(path, content)\n    write(path.with_suffix(".old"), content)',
        ),
    ],
    "test_what_cannot_be_written_whole_leaves_what_was_there": [
        Fault("store", "new.unlink(missing_ok=True)", "pass"),
    ],
    "test_a_patch_release_of_scikit_learn_makes_no_difference": [
        Fault("store", 'was.split(".")[:2] != now.split(".")[:2]', "was != now"),
    ],
    "test_a_model_that_is_missing_is_asked_for": [
        Fault("store", 'if path.exists() else "model"', 'if path.name else "model"'),
    ],
    "test_a_model_without_its_record_is_refused": [
        Fault(
            "store", '"record of the model" if path.exists() else "model"', '"model"'
        ),
    ],
    "test_a_record_without_its_model_is_refused": [
        Fault("store", "FileNotFoundError:\n        raise", "KeyError:\n        raise"),
    ],
    "test_a_record_that_is_none_is_refused": [
        Fault("store", "except ValidationError", "except KeyError"),
    ],
    "test_another_file_is_refused_before_it_is_opened": [
        Fault(
            "store",
            "hashlib.sha256(content).hexdigest() != record.sha256",
            "not content",
        ),
    ],
    "test_a_model_of_another_scikit_learn_is_refused": [
        Fault("store", 'was.split(".")[:2] != now.split(".")[:2]', "was > now"),
    ],
    "test_a_model_that_asks_for_other_columns_is_refused": [
        Fault("store", "if record.features != FEATURES:", "if not record.features:"),
    ],
}
TRAIN = {
    "test_the_model_tells_the_species_apart": [
        Fault("train", '{"folds": len(scores),', '{"folds": len(scores) - 1,'),
        Fault(
            "evaluate",
            "float(metrics.accuracy_score(true, predicted))",
            "float(metrics.accuracy_score(true, predicted)) - 0.1",
        ),
        Fault(
            "evaluate", "metrics.recall_score(true", "-0.1 + metrics.recall_score(true"
        ),
        Fault(
            "evaluate",
            "log_loss(true, likely,",
            "log_loss(true, likely, normalize=False,",
        ),
        Fault(
            "train",
            '.agg(["mean", "std"])',
            '.agg(["mean", "max"]).rename({"max": "std"})',
        ),
    ],
    "test_every_value_may_be_missing": [
        Fault("train", 'strategy="median"', 'strategy="mean"'),
        Fault(
            "train",
            'strategy="most_frequent"',
            'strategy="constant", fill_value="male"',
        ),
    ],
    "test_a_species_with_fewer_penguins_than_folds_is_named": [
        Fault("train", "counts.idxmin()", "counts.idxmax()"),
    ],
}
API = {
    "test_health_tells_which_model_answers": [
        Fault("api", '@app.get("/health")', '@app.get("/health", status_code=201)'),
    ],
    "test_one_penguin_is_answered_with_one_prediction": [
        OTHER_STATUS,
        Fault("api", "each.argmax()", "each.argmin()"),
        Fault("api", "zip(record.species,", "zip(map(str.upper, record.species),"),
        Fault("api", "each.tolist()", "(each / 2).tolist()"),
    ],
    "test_many_are_answered_in_their_order": [
        OTHER_STATUS,
        Fault("api", "for each in likely", "for each in likely[::-1]"),
    ],
    "test_a_penguin_of_which_nothing_is_known_is_answered": [
        Fault("api", "np.nan if value is None", "0 if value is None"),
    ],
    "test_a_bad_value_is_named_with_what_is_wrong": [
        Fault("api", "island: Island | None", "island: str | None"),
        Fault(
            "api",
            "\nSize = Annotated[float,",
            AS_NUMBER.format("str"),
        ),
        Fault(
            "api",
            "\nSize = Annotated[float,",
            AS_NUMBER.format("bool"),
        ),
        Fault("api", "gt=0,", "ge=0,"),
        Fault("api", "le=LARGEST, ", ""),
        Fault("api", 'extra="forbid"', 'extra="ignore"'),
        OTHER_REFUSAL,
        Fault("api", 'in each["loc"]]', 'in each["loc"][:-1]]'),
        Fault("api", 'what=each["msg"]', 'what=each["type"]'),
    ],
    "test_a_missing_value_must_be_said_to_be_missing": [
        OTHER_REFUSAL,
        Fault("api", "sex: Sex | None", "sex: Sex | None = None"),
        Fault("api", "        return part\n", "        return part + 1\n"),
    ],
    "test_what_is_no_penguin_is_refused_with_a_reason": [
        Fault(
            "api",
            "            Body(),\n        ],",
            "            Body(),\n        ] = None,",
        ),
        Fault("api", "    if isinstance(part, int):\n        return part\n", ""),
        Fault("api", "min_length=1, ", ""),
        Fault(
            "api",
            '"many" if isinstance(body, list) else "one"',
            '"one" if "island" in body else "many"',
        ),
        Fault(
            "api",
            'what=each["msg"]',
            "what=f\"{__import__('json').dumps(each['input'], allow_nan=False)}\"",
        ),
        Fault("api", 'what=each["msg"]', 'what=str(each["input"])'),
        Fault(
            "api",
            'message.get("body", b"")',
            'message.get("body", b"").decode("utf-8", "replace").encode()',
        ),
        Fault("api", ", max_length=settings.max_rows", ""),
        Fault("api", "len(body) > self.most", "len(body) > 10 * self.most"),
        Fault("api", "Refusal(detail=detail)", 'Refusal(detail="")'),
    ],
    "test_a_body_that_is_nested_too_deeply_is_refused": [
        Fault("api", "len(body) > self.most", "len(body) > self.most / 2"),
    ],
    "test_an_end_of_the_connection_is_heard_after_the_body_and_before_it": [
        Fault("api", "                return await receive()", "                pass"),
        Fault(
            "api",
            "  # the other side has gone\n",
            "\n                async def again():"
            "\n                    return message"
            "\n                await self.app(scope, again, send)\n",
        ),
        Fault(
            "api",
            "                return\n            body",
            "                break\n            body",
        ),
        Fault(
            "api",
            "  # the other side has gone\n",
            '\n                await _refusal(400, "gone")(scope, receive, send)\n',
        ),
    ],
    "test_a_long_list_of_faults_is_cut_short": [
        Fault("api", "[:MOST_FAULTS]", ""),
    ],
    "test_a_fault_of_the_service_tells_nothing_of_it": [
        Fault("api", "_refusal(500,", "_refusal(503,"),
        Fault("api", '"the service is at fault, not the request"', "str(error)"),
        Fault("api", '        log.error("fault", exc_info=error)\n', ""),
    ],
    "test_each_request_is_a_line_of_the_log": [
        Fault("logs", 'status = message["status"]', "pass"),
        Fault("logs", "round(1000 *", "round(0 *"),
    ],
    "test_the_settings_come_from_the_environment": [
        Fault(
            "api", "port: int = Field(", 'port: int = Field(validation_alias="PORT", '
        ),
    ],
    "test_the_service_does_what_its_description_says": [
        Fault("api", 'status="ok", ', 'status="up", '),
    ],
    "test_a_service_without_a_model_does_not_start": [
        Fault(
            "api",
            "model, record = store.load(settings.model_file)",
            "model = record = None",
        ),
    ],
}
SERVICE = {
    "test_serve_starts_the_service_with_its_settings": [
        Fault(
            "commands_service",
            "settings.port if port is None else port",
            "port or settings.port",
        ),
        Fault("commands_service", "access_log=False", "access_log=True"),
        Fault("commands_service", "down=PATIENCE", "down=10 * PATIENCE"),
    ],
    "test_serve_without_a_model_says_what_to_do": [NO_REASON],
    "test_a_line_of_the_log_is_a_json_object": [
        Fault("logs", "level=level", 'level="DEBUG"'),
        Fault("logs", '"name": "logger"', '"name": "name"'),
    ],
}
FAULTS = {
    "test_cli": CLI,
    "test_config": CONFIG,
    "test_data": DATA,
    "test_plots": PLOTS,
    "test_commands_model": COMMANDS_MODEL,
    "test_evaluate": EVALUATE,
    "test_features": FEATURES,
    "test_predict": PREDICT,
    "test_store": STORE,
    "test_train": TRAIN,
    "test_api": API,
    "test_commands_service": SERVICE,
}


def test_every_own_test_is_there_for_a_fault(largest: Project) -> None:
    """All but the one that starts programs, which takes too long."""
    files = [Path(name) for name in largest.files]
    assert {file.stem for file in files if file.match("tests/test_*.py")} == {*FAULTS}
    for file, tests in FAULTS.items():
        own = own_tests(largest.text(f"tests/{file}.py"))
        assert {name for name in own if "another_process" not in name} == {*tests}


def quickly(project: Project) -> None:
    """Let the project take less time for what no test of its source asks for."""
    for module, was, becomes in QUICK:
        path = project / f"src/my_analysis/{module}.py"
        text = path.read_text("utf-8")
        assert was in text
        path.write_text(text.replace(was, becomes), "utf-8")


def with_fault(fault: Fault, *projects: Project) -> tuple[str, str]:
    """Return a module's file, and its text in one of the projects with a fault."""
    file = f"src/my_analysis/{fault.module}.py"
    found = [
        each.text(file) for each in projects if each.text(file).count(fault.was) == 1
    ]
    assert found, f"{file} does not hold {fault.was!r}, or not once"
    text = found[0].replace(fault.was, fault.becomes)
    compile(text, f"{file} with {fault.becomes!r}", "exec")
    return file, text


@pytest.mark.skipif(not CAN_FORK, reason="faults are put into copies of a process")
def test_what_is_wrong_in_the_source_fails_the_own_test_that_is_there_for_it(
    largest: Project, stack: Path, copy: Callable[[Project], Project]
) -> None:
    """The own tests pass without: test_starters.py runs them."""
    project = copy(largest)
    quickly(project)
    wanted = [
        (f"tests/{file}.py::{test}", fault)
        for file, tests in FAULTS.items()
        for test, faults in tests.items()
        for fault in faults
    ]
    asked = [(*with_fault(fault, project, largest), test) for test, fault in wanted]
    env = {**os.environ, "PYTHONPATH": str(project / "src")}
    env |= {"MPLCONFIGDIR": str(stack / "matplotlib")}
    done = subprocess.run(
        [programs_of(stack) / "python", ROOT / "tests/faulted.py"],
        cwd=project.path,
        env={**env, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        input=json.dumps(asked),
        capture_output=True,
        encoding="utf-8",
        timeout=SLOWEST_COMMAND,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    outcomes = zip(wanted, json.loads(done.stdout), strict=True)
    unnoticed = [
        f"{test} passes with {fault}" if failed == 0 else f"{test}, {fault}: {said}"
        for (test, fault), (failed, said) in outcomes
        if failed != 1
    ]
    assert not unnoticed, "\n".join(unnoticed)
