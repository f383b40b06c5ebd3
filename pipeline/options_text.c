/* What a row may hold, in words; see options_json.h. The same words stand in messages and help. */
#include <ctype.h>
#include <string.h>

#include "options_json.h"

static const double whole_limit = 0x1p53; /* integers beyond are not exact in JSON */
static const double real_limit = 1e100;

/* An integer's range may be given by INT64_MIN and INT64_MAX, a real's by an infinity, NaN or
 * 1e300: all of them mean that there is no bound. */
bool options_has_low(const Option *row) {
  return row->low > (row->type == OPTION_TYPE_INTEGER ? -whole_limit : -real_limit);
}

bool options_has_high(const Option *row) {
  return row->high < (row->type == OPTION_TYPE_INTEGER ? whole_limit : real_limit);
}

bool options_allows_null(const Option *row) {
  return row->or_null || (row->fallback && strcmp(row->fallback, "null") == 0);
}

void options_range(const Option *row, Draft *draft) {
  char low[32], high[32];
  bool has_low = options_has_low(row), has_high = options_has_high(row);
  bool tiny = has_low && row->low > 0 && row->low < 1e-100; /* stands for "not 0" */
  if (has_low) json_number(row->low, low);
  if (has_high) json_number(row->high, high);
  if (tiny && has_high)
    draft_format(draft, "more than 0, up to %s", high);
  else if (tiny)
    draft_add(draft, "more than 0");
  else if (has_low && has_high)
    draft_format(draft, "%s to %s", low, high);
  else if (has_low)
    draft_format(draft, "at least %s", low);
  else if (has_high)
    draft_format(draft, "at most %s", high);
}

static void write_words(const char *const *words, Draft *draft) {
  for (int i = 0; words[i]; i++) {
    if (i > 0) draft_add(draft, words[i + 1] ? ", " : " or ");
    draft_format(draft, "\"%s\"", words[i]);
  }
}

static void write_kinds(const Kind *const *kinds, Draft *draft) {
  for (int i = 0; kinds[i]; i++) draft_format(draft, "%s%s", i > 0 ? ", " : "", kinds[i]->name);
}

static void write_type(const Option *row, Draft *draft) {
  switch (row->type) {
    case OPTION_TYPE_REAL: draft_add(draft, "a number"); break;
    case OPTION_TYPE_INTEGER: draft_add(draft, "an integer"); break;
    case OPTION_TYPE_BOOLEAN: draft_add(draft, "true or false"); break;
    case OPTION_TYPE_WORD: write_words(row->words, draft); break;
    case OPTION_TYPE_TEXT: draft_add(draft, "a text"); break;
    case OPTION_TYPE_TEXTS: draft_add(draft, "a list of texts"); break;
    case OPTION_TYPE_REALS: draft_add(draft, "a list of numbers"); break;
    case OPTION_TYPE_TEXT_LISTS: draft_add(draft, "a list of lists of texts"); break;
    case OPTION_TYPE_VARIANT:
      draft_add(draft, "one of: ");
      write_kinds(row->kinds, draft);
      break;
    case OPTION_TYPE_VARIANTS:
      draft_add(draft, "a list of: ");
      write_kinds(row->kinds, draft);
      break;
    case OPTION_TYPE_SPACES:
      draft_add(draft, "a list of: ");
      write_kinds(row->kinds, draft);
      draft_add(draft,
                "; in place of a number, an integer, a boolean or a word each of their options may "
                "be {\"low\": 1, \"high\": 9, \"log\": true} or {\"choices\": [...]}");
      break;
    case OPTION_TYPE_MAP:
      if (row->words) write_words(row->words, draft);
      draft_format(draft, "%san object, name by name", row->words ? ", or " : "");
      break;
  }
}

void options_allowed(const Option *row, Draft *draft) {
  Draft range = {0};
  bool number = row->type == OPTION_TYPE_REAL || row->type == OPTION_TYPE_INTEGER ||
                row->type == OPTION_TYPE_REALS;
  write_type(row, draft);
  if (number) options_range(row, &range);
  if (range.n > 0) draft_format(draft, ", %s", draft_text(&range));
  if (row->type == OPTION_TYPE_REAL && row->words) {
    draft_add(draft, ", or ");
    write_words(row->words, draft);
  }
  if (options_allows_null(row)) draft_add(draft, ", or null");
  draft_clear_part(&range, draft);
}

void options_sentence(const char *help, Draft *draft) {
  size_t n = help ? strlen(help) : 0;
  if (n == 0) return;
  draft_format(draft, "%c%s%s", toupper((unsigned char)help[0]), help + 1,
               strchr(".?!", help[n - 1]) ? "" : ".");
}
