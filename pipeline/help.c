/* Help about kinds; see help.h. */
#include "help.h"

#include <string.h>

#include "config_internal.h"
#include "kernels/base/memory.h"
#include "kernels/base/names.h"

enum { WIDTH = 100, MOST_NAMES = 256 };

/* One of the lists as help shows it. */
typedef struct Group {
  const Kind *const *list;
  const char *title, *singular, *usage;
  bool stages;
} Group;

enum { N_GROUPS = 4 };

static void make_groups(const Kinds *kinds, Group groups[N_GROUPS]) {
  static const Kind *const none[] = {NULL};
  groups[0] = (Group){kinds->stages, "Stages", "stage",
                      "{\"stages\": {NAME: {\"kind\": KIND, ...}}}", true};
  groups[1] =
      (Group){kinds->models, "Models", "model", "{\"model\": {\"kind\": KIND, ...}}", false};
  groups[2] = (Group){kinds->steps, "Recipe steps", "recipe step",
                      "{\"recipe\": [{\"step\": KIND, ...}]}", false};
  groups[3] = (Group){kinds->resamples ? kinds->resamples : none, "Resampling", "resampling kind",
                      "{\"resample\": {\"kind\": KIND, ...}}", false};
}

/* The ports as one cell: `left right [folds]`. */
static void write_takes(const StageKind *kind, Draft *draft) {
  if (kind->takes_summaries) {
    draft_add(draft, "all results");
    return;
  }
  for (int64_t p = 0; p < stage_ports(kind); p++) {
    const Port *port = &kind->inputs[p];
    draft_format(draft, port->required ? "%s%s%s" : "%s[%s]%s", p > 0 ? " " : "", port->name,
                 port->required == PORT_MANY ? "..." : "");
  }
  if (stage_ports(kind) == 0) draft_add(draft, "-");
}

/* A cell of a Markdown table. */
static void write_cell(const char *text, Draft *draft) {
  draft_add(draft, " ");
  for (const char *at = text; *at; at++) {
    if (*at == '|') draft_add(draft, "\\");
    draft_add_n(draft, *at == '\n' ? " " : at, 1);
  }
  draft_add(draft, " |");
}

static void write_help_cell(const char *help, Draft *draft) {
  Draft sentence = {0};
  options_sentence(help, &sentence);
  write_cell(draft_text(&sentence), draft);
  draft_clear_part(&sentence, draft);
}

/* Text at a column of its own, at least one space behind what stands before. */
static void write_column(const char *text, int64_t width, Draft *draft) {
  int64_t n = (int64_t)strlen(text);
  draft_add(draft, text);
  draft_repeat(draft, ' ', n < width ? width - n : 1);
}

static int64_t longer(int64_t a, int64_t b) { return a > b ? a : b; }

static void write_group_text(const Group *group, Draft *draft) {
  int64_t name_width = 6, takes_width = 7;
  for (int64_t i = 0; group->list[i]; i++) {
    Draft takes = {0};
    name_width = longer(name_width, (int64_t)strlen(group->list[i]->name) + 2);
    if (group->stages) write_takes((const StageKind *)group->list[i], &takes);
    takes_width = longer(takes_width, takes.n + 2);
    draft_clear_part(&takes, draft);
  }
  int64_t indent = 2 + name_width + (group->stages ? takes_width + 9 : 0);
  draft_format(draft, "%s: %s\n\n  ", group->title, group->usage);
  write_column("KIND", name_width, draft);
  if (group->stages) write_column("TAKES", takes_width, draft);
  if (group->stages) write_column("GIVES", 9, draft);
  draft_add(draft, "WHAT IT DOES\n");
  for (int64_t i = 0; group->list[i]; i++) {
    const Kind *kind = group->list[i];
    Draft takes = {0};
    draft_add(draft, "  ");
    write_column(kind->name, name_width, draft);
    if (group->stages) {
      const StageKind *stage = (const StageKind *)kind;
      write_takes(stage, &takes);
      write_column(draft_text(&takes), takes_width, draft);
      write_column(port_type_words[stage->output], 9, draft);
    }
    draft_wrap(draft, kind->help, indent, indent, WIDTH);
    draft_add(draft, "\n");
    draft_clear_part(&takes, draft);
  }
}

static void write_group_markdown(const Group *group, Draft *draft) {
  draft_format(draft, "### %s\n\n`%s`\n\n", group->title, group->usage);
  draft_add(draft, group->stages ? "| kind | takes | gives | what it does |\n|---|---|---|---|\n"
                                 : "| kind | what it does |\n|---|---|\n");
  for (int64_t i = 0; group->list[i]; i++) {
    const Kind *kind = group->list[i];
    draft_format(draft, "| `%s` |", kind->name);
    if (group->stages) {
      Draft takes = {0};
      write_takes((const StageKind *)kind, &takes);
      write_cell(draft_text(&takes), draft);
      write_cell(port_type_words[((const StageKind *)kind)->output], draft);
      draft_clear_part(&takes, draft);
    }
    write_cell(kind->help, draft);
    draft_add(draft, "\n");
  }
}

Status help_kinds(const Kinds *kinds, HelpForm form, char **text) {
  Draft draft = {0};
  Group groups[N_GROUPS];
  make_groups(kinds, groups);
  for (int g = 0; g < N_GROUPS; g++) {
    if (g > 0) draft_add(&draft, "\n");
    if (form == HELP_TEXT)
      write_group_text(&groups[g], &draft);
    else
      write_group_markdown(&groups[g], &draft);
  }
  draft_add(&draft, form == HELP_TEXT ? "\nOptions of a kind: segue stages KIND\n"
                                      : "\nOptions of a kind: `segue stages KIND`\n");
  return draft_take(&draft, text);
}

/* `default 300`, `required`, `may be left out`. */
static void write_default(const Option *row, Draft *draft) {
  if (!row->fallback)
    draft_add(draft, "required");
  else if (strcmp(row->fallback, "null") == 0)
    draft_add(draft, "may be left out");
  else
    draft_format(draft, "default %s", row->fallback);
}

/* Name, then two wrapped paragraphs beside it: what it is, what it does. */
static void write_entry(const char *name, const char *what, const char *help, int64_t indent,
                        int64_t width, Draft *draft) {
  Draft sentence = {0};
  draft_repeat(draft, ' ', indent);
  write_column(name, width, draft);
  int64_t column = indent + longer(width, (int64_t)strlen(name) + 1);
  draft_wrap(draft, what, column, indent + width, WIDTH);
  draft_add(draft, "\n");
  draft_repeat(draft, ' ', indent + width);
  options_sentence(help, &sentence);
  draft_wrap(draft, draft_text(&sentence), indent + width, indent + width, WIDTH);
  draft_add(draft, "\n");
  draft_clear_part(&sentence, draft);
}

static void write_rows_text(const Option *rows, int64_t indent, int64_t width, Draft *draft) {
  for (const Option *row = rows; row && row->name; row++) {
    Draft what = {0};
    options_allowed(row, &what);
    draft_add(&what, "; ");
    write_default(row, &what);
    write_entry(row->name, draft_text(&what), row->help, indent, width, draft);
    draft_clear_part(&what, draft);
    if (row->type != OPTION_TYPE_MAP) continue;
    draft_repeat(draft, ' ', indent + 2);
    draft_wrap(draft, "each of its values is an object with these, or the first of them alone:",
               indent + 2, indent + 2, WIDTH);
    draft_add(draft, "\n");
    write_rows_text(row->rows, indent + 4, width, draft);
  }
}

static int64_t rows_width(const Option *rows) {
  int64_t width = 8;
  for (const Option *row = rows; row && row->name; row++) {
    width = longer(width, (int64_t)strlen(row->name) + 2);
    if (row->type == OPTION_TYPE_MAP) width = longer(width, rows_width(row->rows));
  }
  return width;
}

static void write_kind_text(const Group *group, const Kind *kind, Draft *draft) {
  int64_t width = rows_width(kind->options);
  const StageKind *stage = group->stages ? (const StageKind *)kind : NULL;
  draft_format(draft, "%s (%s)\n", kind->name, group->singular);
  draft_wrap(draft, kind->help, 0, 0, WIDTH);
  draft_add(draft, "\n");
  for (int64_t p = 0; stage && p < stage_ports(stage); p++)
    width = longer(width, (int64_t)strlen(stage->inputs[p].name) + 2);
  if (stage && stage_ports(stage) > 0) draft_add(draft, "\nTakes (names of stages)\n");
  for (int64_t p = 0; stage && p < stage_ports(stage); p++) {
    const Port *port = &stage->inputs[p];
    Draft what = {0};
    draft_format(&what, "%s%s; %s",
                 port->required == PORT_MANY ? "list of stages that give a " : "",
                 port_type_words[port->type], port->required ? "required" : "may be left out");
    write_entry(port->name, draft_text(&what), port->help, 2, width, draft);
    draft_clear_part(&what, draft);
  }
  if (stage) draft_format(draft, "\nGives\n  %s\n", port_type_words[stage->output]);
  if (kind->options && kind->options->name) draft_add(draft, "\nOptions\n");
  write_rows_text(kind->options, 2, width, draft);
}

/* prefix: names of the maps around the rows, as `columns.NAME.`. */
static void write_rows_markdown(const Option *rows, const char *prefix, Draft *draft) {
  for (const Option *row = rows; row && row->name; row++) {
    Draft what = {0}, standard = {0};
    draft_format(draft, "| `%s%s` |", prefix, row->name);
    options_allowed(row, &what);
    write_cell(draft_text(&what), draft);
    write_default(row, &standard);
    write_cell(draft_text(&standard), draft);
    write_help_cell(row->help, draft);
    draft_add(draft, "\n");
    draft_clear_part(&what, draft);
    draft_clear_part(&standard, draft);
    if (row->type != OPTION_TYPE_MAP) continue;
    draft_format(&what, "%s%s.NAME.", prefix, row->name);
    write_rows_markdown(row->rows, draft_text(&what), draft);
    draft_clear_part(&what, draft);
  }
}

static void write_kind_markdown(const Group *group, const Kind *kind, Draft *draft) {
  const StageKind *stage = group->stages ? (const StageKind *)kind : NULL;
  draft_format(draft, "#### `%s` (%s)\n\n%s\n\n", kind->name, group->singular, kind->help);
  draft_add(draft, "| option | value | default | what it does |\n|---|---|---|---|\n");
  for (int64_t p = 0; stage && p < stage_ports(stage); p++) {
    const Port *port = &stage->inputs[p];
    draft_format(draft, "| `%s` | %s %s | %s |", port->name,
                 port->required == PORT_MANY ? "a list of stages, each of which gives"
                                             : "a stage that gives",
                 stage_port_phrase(port->type), port->required ? "required" : "may be left out");
    write_help_cell(port->help, draft);
    draft_add(draft, "\n");
  }
  write_rows_markdown(kind->options, "", draft);
}

static Status unknown_kind(const Group groups[N_GROUPS], const char *name) {
  const char *names[MOST_NAMES];
  char hint[160];
  int64_t n = 0;
  for (int g = 0; g < N_GROUPS; g++)
    for (int64_t i = 0; groups[g].list[i] && n < MOST_NAMES; i++)
      names[n++] = groups[g].list[i]->name;
  names_hint(name, names, n, hint);
  return status_fail(INVALID, "there is no kind \"%.80s\"%s%s", name, hint,
                     hint[0] ? "" : "; segue stages lists all kinds");
}

Status help_kind(const Kinds *kinds, const char *name, HelpForm form, char **text) {
  Draft draft = {0};
  Group groups[N_GROUPS];
  bool found = false;
  *text = NULL;
  make_groups(kinds, groups);
  for (int g = 0; g < N_GROUPS; g++) {
    for (int64_t i = 0; groups[g].list[i]; i++) {
      const Kind *kind = groups[g].list[i];
      if (strcmp(kind->name, name) != 0) continue;
      if (found) draft_add(&draft, "\n");
      if (form == HELP_TEXT)
        write_kind_text(&groups[g], kind, &draft);
      else
        write_kind_markdown(&groups[g], kind, &draft);
      found = true;
    }
  }
  return found ? draft_take(&draft, text) : unknown_kind(groups, name);
}
