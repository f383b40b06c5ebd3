/* report: report.json and report.html from the summaries of all other stages. */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "io/file.h"
#include "kernels/base/memory.h"
#include "pipeline/stage.h"

typedef struct ReportOptions {
  char *title;
} ReportOptions;

static const Option rows[] = {
    OPTION_TEXT(ReportOptions, title, "null", "heading of the report (default: the run's name)"),
    {0}};

static Status write_text(const char *folder, const char *name, const char *text) {
  char path[PATH_MAX];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  return file_write(path, text, (int64_t)strlen(text));
}

static Status write(const StageContext *context, const ReportOptions *o) {
  Status status = OK;
  char *json = NULL, *html = NULL;
  ReportInput input = {.run_name = context->run_name,
                       .title = o->title,
                       .config_json = context->config_json,
                       .version = SEGUE_VERSION,
                       .profile = context->profile,
                       .ranks = context->comm->size,
                       .seed = context->seed,
                       .n_stages = context->n_reports,
                       .stages = context->reports};
  TRY(report_json(&input, &json));
  TRY(report_html(&input, &html));
  TRY(write_text(context->run_dir, "report.json", json));
  TRY(write_text(context->run_dir, "report.html", html));
done:
  memory_free(&json);
  memory_free(&html);
  return status;
}

static Status run_all(const StageContext *context, const void *options,
                      const Artifact *const *inputs, Artifact *output) {
  (void)inputs;
  (void)output;
  return status_agree_all(context->comm, context->comm->rank == 0 ? write(context, options) : OK);
}

extern const StageKind report_stage;
const StageKind report_stage = {
    .kind = {.name = "report",
             .help = "Writes report.json and report.html from what all stages have to say.",
             .version = 1, .options_size = sizeof(ReportOptions), .options = rows},
    .output = PORT_NOTHING, .takes_summaries = true, .run_all = run_all};
