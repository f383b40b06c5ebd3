/* segue schema; see commands.h. */
#include <stdio.h>

#include "commands.h"
#include "kernels/base/memory.h"
#include "registry.h"
#include "schema.h"

static const WordRow rows[] = {{0}};

int command_schema(int n, char **words) {
  static const Kinds kinds = {.stages = stage_kinds,
                              .models = model_kinds,
                              .steps = step_kinds,
                              .resamples = resample_kinds};
  WordValue values[1] = {0};
  int exit_status = EXIT_WRONG_USAGE;
  char *text = NULL;
  if (words_parse(
          "schema",
          "Prints the JSON Schema of a config, for editors: save it as segue.schema.json and\n"
          "begin a config with {\"$schema\": \"segue.schema.json\", ...}.",
          rows, n, words, values, &exit_status)) {
    exit_status = EXIT_STAGE_FAILED;
    if (schema_json(&kinds, &text) != OK)
      fprintf(stderr, "segue schema: %s\n", status_message());
    else if (!words_speaker() || (fputs(text, stdout) >= 0 && fflush(stdout) == 0))
      exit_status = EXIT_DONE;
  }
  words_clear(rows, values);
  memory_free(&text);
  return exit_status;
}
