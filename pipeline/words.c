/* The command line's words; see commands.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "kernels/base/memory.h"
#include "kernels/base/names.h"

enum { MOST_ROWS = 16 };

bool words_speaker(void) {
  const char *names[] = {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "SLURM_PROCID"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    const char *text = getenv(names[i]);
    if (text) return atoi(text) == 0;
  }
  return true;
}

static void print_help(const char *command, const char *intro, const WordRow *rows) {
  printf("usage: segue %s", command);
  for (const WordRow *row = rows; row->name; row++) {
    const char *open = row->required ? "" : "[", *close = row->required ? "" : "]";
    printf(" %s%s%s%s%s%s", open, row->name, row->value ? " " : "", row->value ? row->value : "",
           close, row->many ? "..." : "");
  }
  printf("\n\n%s\n\n", intro);
  for (const WordRow *row = rows; row->name; row++) {
    char left[64];
    snprintf(left, sizeof left, "%s %s", row->name, row->value ? row->value : "");
    printf("  %-24s %s\n", left, row->help);
  }
  printf("  %-24s %s\n", "--help", "show this text");
}

static bool wrong(int *exit_status, const char *command, const char *what, const char *word,
                  const char *hint) {
  if (words_speaker())
    fprintf(stderr, "segue %s: %s%s%s (segue %s --help tells what there is)\n", command, what, word,
            hint, command);
  *exit_status = EXIT_WRONG_USAGE;
  return false;
}

/* Append a value to a row's list. */
static bool give(WordValue *value, const char *text) {
  if (GROW(&value->items, value->n, value->n + 1) != OK) return false;
  value->items[value->n++] = text;
  return true;
}

static int64_t row_of(const WordRow *rows, const char *word, size_t length) {
  for (int64_t r = 0; rows[r].name; r++)
    if (strlen(rows[r].name) == length && strncmp(rows[r].name, word, length) == 0) return r;
  return -1;
}

/* The row that takes the next positional word; -1: none does. */
static int64_t positional_row(const WordRow *rows, const WordValue *values) {
  for (int64_t r = 0; rows[r].name; r++)
    if (rows[r].name[0] != '-' && (values[r].n == 0 || rows[r].many)) return r;
  return -1;
}

/* Take the word at i, and its value; returns the last index used, or -1 after a mistake. */
static int take(const char *command, const WordRow *rows, int i, int n, char **words,
                WordValue *values, int *exit_status) {
  const char *word = words[i], *equals = strchr(word, '=');
  if (word[0] != '-' || !word[1]) {
    int64_t r = positional_row(rows, values);
    if (r < 0) return wrong(exit_status, command, "too many words: ", word, "") - 1;
    return give(&values[r], word) ? i : -1;
  }
  size_t length = equals ? (size_t)(equals - word) : strlen(word);
  int64_t r = row_of(rows, word, length);
  if (r < 0) {
    const char *names[MOST_ROWS];
    char hint[160];
    int64_t count = 0;
    for (; rows[count].name && count < MOST_ROWS; count++) names[count] = rows[count].name;
    return wrong(exit_status, command, "unknown option ", word,
                 names_hint(word, names, count, hint)) -
           1;
  }
  if (!rows[r].value && equals)
    return wrong(exit_status, command, rows[r].name, " takes no value: ", word) - 1;
  if (!rows[r].value) {
    values[r].n++;
    return i;
  }
  /* An option in place of a value: the value was forgotten. */
  if (!equals && (i + 1 == n || (words[i + 1][0] == '-' &&
                                 row_of(rows, words[i + 1], strlen(words[i + 1])) >= 0)))
    return wrong(exit_status, command, rows[r].name, " needs a value: ", rows[r].value) - 1;
  if (values[r].n > 0 && !rows[r].many)
    return wrong(exit_status, command, rows[r].name, " was given twice", "") - 1;
  if (!give(&values[r], equals ? equals + 1 : words[i + 1])) return -1;
  return equals ? i : i + 1;
}

bool words_parse(const char *command, const char *intro, const WordRow *rows, int n, char **words,
                 WordValue *values, int *exit_status) {
  for (int i = 0; i < n; i++) {
    if (strcmp(words[i], "--help") != 0 && strcmp(words[i], "-h") != 0) continue;
    if (words_speaker()) print_help(command, intro, rows);
    *exit_status = EXIT_DONE;
    return false;
  }
  for (int i = 0; i < n; i++)
    if ((i = take(command, rows, i, n, words, values, exit_status)) < 0) return false;
  for (const WordRow *row = rows; row->name; row++)
    if (row->required && values[row - rows].n == 0)
      return wrong(exit_status, command, row->name, " is missing", "");
  return true;
}

void words_clear(const WordRow *rows, WordValue *values) {
  for (int64_t r = 0; rows[r].name; r++) memory_free(&values[r].items);
}
