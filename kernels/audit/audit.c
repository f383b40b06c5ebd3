/* The audit from beginning to end; see audit.h. */
#include "audit.h"

#include "kernels/base/memory.h"
#include "parts.h"

static void audit_clear(Audit *audit) {
  spec_needs_clear(&audit->needs);
  folds_clear(&audit->folds);
  if (audit->bundle.spec.model) bundle_clear(&audit->bundle);
  study_rows_clear(&audit->training);
  predicted_clear(&audit->predicted);
  matrix_clear(&audit->x_training);
  matrix_clear(&audit->x_test);
  table_clear(&audit->table);
}

static Status begin(Audit *audit, const Table *table) {
  Status status = OK;
  TRY(table_share(table, &audit->table));
  TRY(spec_needs(audit->options->spec, table, NULL, &audit->needs));
done:
  return status;
}

/* Fits stand before rules, which read what they left. */
static Status run_all(Audit *audit) {
  Status status = OK;
  FoldScores home = {0};
  TRY(relations_all(audit));
  TRY(protocols_all(audit));
  TRY(home_all(audit, &home));
  TRY(protocols_run_all(audit, &home));
  TRY(careless_all(audit));
  TRY(rules_all(audit));
  AGREE(audit->comm, tell(audit));
done:
  return status;
}

Status audit_all(const Comm *comm, const Table *table, const AuditOptions *options, WorkSink *sink,
                 Summary *summary) {
  Status status = OK;
  Audit *audit = NULL;
  AGREE(comm, NEW(&audit, 1));
  audit->comm = comm;
  audit->options = options;
  audit->sink = sink;
  audit->summary = summary;
  AGREE(comm, begin(audit, table));
  TRY(run_all(audit));
done:
  if (audit) audit_clear(audit);
  memory_free(&audit);
  return status;
}
