/* segue stages; see commands.h. */
#include <stdio.h>

#include "commands.h"
#include "help.h"
#include "kernels/base/memory.h"
#include "registry.h"

enum { KIND, MARKDOWN, N_WORDS };

static const WordRow rows[N_WORDS + 1] = {
    [KIND] = {.name = "KIND", .help = "its options with types, ranges and defaults"},
    [MARKDOWN] = {.name = "--markdown", .help = "print Markdown tables"},
};

int command_stages(int n, char **words) {
  static const Kinds kinds = {.stages = stage_kinds,
                              .models = model_kinds,
                              .steps = step_kinds,
                              .resamples = resample_kinds};
  WordValue values[N_WORDS] = {0};
  int exit_status = EXIT_WRONG_USAGE;
  char *text = NULL;
  if (words_parse("stages", "Lists the kinds of stages, models and recipe steps.", rows, n, words,
                  values, &exit_status)) {
    HelpForm form = values[MARKDOWN].n > 0 ? HELP_MARKDOWN : HELP_TEXT;
    Status status = values[KIND].n > 0 ? help_kind(&kinds, values[KIND].items[0], form, &text)
                                       : help_kinds(&kinds, form, &text);
    exit_status = status == INVALID ? EXIT_WRONG_USAGE : EXIT_STAGE_FAILED;
    if (status != OK)
      fprintf(stderr, "segue stages: %s\n", status_message());
    else if (!words_speaker() || (fputs(text, stdout) >= 0 && fflush(stdout) == 0))
      exit_status = EXIT_DONE;
  }
  words_clear(rows, values);
  memory_free(&text);
  return exit_status;
}
