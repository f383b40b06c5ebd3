/* report.json: every number of a run; see report.h. */
#include <cJSON.h>
#include <inttypes.h>

#include "report.h"
#include "summary_json.h"
#include "text.h"

static void write_stage(Text *text, const ReportStage *stage) {
  text_json(text, stage->name);
  text_add(text, ": {\n      \"kind\":");
  text_json(text, stage->kind);
  text_add(text, ",\n      \"seconds\":");
  text_json_number(text, stage->seconds);
  text_add(text, ",\n      \"busy_seconds\":");
  text_json_number(text, stage->busy_seconds);
  text_format(text, ",\n      \"peak_bytes\":%" PRId64 ",\n      \"reused\":%s", stage->peak_bytes,
              stage->reused ? "true" : "false");
  if (stage->summary) {
    text_add(text, ",");
    summary_write_json(text, stage->summary, "\n      ");
  }
  text_add(text, "\n    }");
}

/* The config as it is when it is JSON, else as a text: report.json stays readable in any case. */
static void write_config(Text *text, const char *config) {
  cJSON *parsed = config ? cJSON_Parse(config) : NULL;
  if (parsed)
    text_add(text, config);
  else
    text_json(text, config);
  cJSON_Delete(parsed);
}

Status report_json(const ReportInput *input, char **text) {
  Text out = {0};
  text_add(&out, "{\n  \"name\": ");
  text_json(&out, input->run_name);
  text_add(&out, ",\n  \"title\": ");
  text_json(&out, input->title ? input->title : input->run_name);
  text_add(&out, ",\n  \"version\": ");
  text_json(&out, input->version);
  text_add(&out, ",\n  \"profile\": ");
  text_json(&out, input->profile);
  text_format(&out, ",\n  \"seed\": %" PRIu64 ",\n  \"ranks\": %d,\n  \"stages\": {", input->seed,
              input->ranks);
  for (int64_t i = 0; i < input->n_stages; i++) {
    text_add(&out, i > 0 ? ",\n    " : "\n    ");
    write_stage(&out, &input->stages[i]);
  }
  text_add(&out, input->n_stages > 0 ? "\n  },\n  \"config\": " : "},\n  \"config\": ");
  write_config(&out, input->config_json);
  text_add(&out, "\n}\n");
  return text_take(&out, text);
}
