/* What the parts of an audit share: the table with its relations, the protocols, what became of
 * careless ways, and the findings. Internal. */
#ifndef SEGUE_AUDIT_PARTS_H
#define SEGUE_AUDIT_PARTS_H

#include "audit.h"

/* In which ways two rows are twins. */
typedef enum Relation { SAME_ID, SAME_RECORDING, SAME_AUDIO, SAME_ARTIST, RELATIONS } Relation;

/* How rows are divided. */
typedef enum ProtocolKind {
  BY_ROW,
  BY_ID,
  BY_RECORDING,
  BY_ARTIST,     /* rows of an artist, and of a recording, stay together */
  IN_TIME,       /* the newest rows are the test part; recordings are purged at the border */
  IN_FILE_ORDER, /* the file's last rows are the test part; only where the file is sorted */
  AS_THE_JOB,    /* the job's own split */
  PROTOCOLS
} ProtocolKind;

enum { WHY = 400, TEXT = 1600 };

typedef struct Protocol {
  const char *group; /* column whose rows stay together; NULL: none */
  Spec spec;         /* the job's with that group */
  int64_t repeats;   /* folds; 0: left out */
  int64_t fold;      /* its first */
  char why[WHY];     /* it was left out; "": it was not asked for */
  /* of its first fold */
  int64_t n_training, n_test;
  double share[RELATIONS]; /* of test rows with a twin in training; NaN: not known */
  FoldScores first;        /* of its first fold */
  /* over its folds */
  FoldScores mean;
  double sd[EVALUATE_SCORES]; /* NaN where there is one */
} Protocol;

/* Careless ways, which no config can express. */
typedef enum Way {
  TARGET_AS_FEATURE, /* the frequency of the row's own target is a feature; divided by row */
  ENCODED_BY_ROW,    /* the recipe is fitted on all rows and applied in-sample; by row */
  ENCODED_AT_HOME,   /* the same under the job's honest protocol */
  REFITTED,          /* the model has seen the test rows */
  BALANCED_BEFORE,   /* two classes: the larger one is cut down before the split by row */
  BALANCED_TRAINING, /* its honest twin: training rows are cut down, test rows are as they come */
  RESAMPLED_BEFORE,  /* the job's own resampling, on all rows before a split by row */
  COLUMNS_REVERSED,  /* the model is handed its columns in another order */
  WAYS
} Way;

typedef struct WayScores {
  bool made;
  FoldScores careless, honest;
  const char *honest_name; /* protocol of honest */
} WayScores;

typedef enum Rule {
  RULE_DETERMINED,
  RULE_TWINS,
  RULE_RECIPE,
  RULE_RESAMPLING,
  RULE_TUNING,
  RULE_REFIT,
  RULE_SCALE,
  RULE_CODE,
  RULE_DIVISOR,
  RULE_SCORER,
  RULE_CONSTANT,
  RULE_DEDUPLICATION,
  RULE_PART,
  RULE_ORDER,
  RULES
} Rule;

typedef enum Verdict { NOT_APPLICABLE, CLEAR, AVOIDED, FOUND } Verdict;

typedef struct Finding {
  Verdict verdict;
  char text[TEXT];
} Finding;

typedef struct Audit {
  const Comm *comm;
  const AuditOptions *options;
  WorkSink *sink;
  Summary *summary;
  SpecNeeds needs;
  Table table; /* the job's, and columns for relations */
  bool known[RELATIONS];
  Folds folds;
  Protocol protocols[PROTOCOLS];
  ProtocolKind home;
  double tenths; /* of the target that the row's tenth of the file tells */
  /* The job under its home protocol, fold 0. */
  Bundle bundle;
  StudyRows training;
  Predicted predicted;
  double home_error; /* standard error of the first score of primary_scores; NaN: not known */
  double constant;   /* classes: accuracy of the constant on the test rows */
  Matrix x_training, x_test;
  double target_frequency; /* what that column tells of the target by itself; NaN: not made */
  WayScores ways[WAYS];
  Finding findings[RULES];
} Audit;

extern const char *const protocol_words[]; /* "row", ... by ProtocolKind */
extern const char *const relation_words[]; /* "same_id", ... by Relation */

static inline const uint8_t *audit_role(const Audit *audit, ProtocolKind kind) {
  return folds_role(&audit->folds, audit->protocols[kind].fold);
}

/* ---- relations.c ---- */

/* Number the groups of every relation in columns of table. Collective. */
CHECKED Status relations_all(Audit *audit);
/* The column of a relation, NULL when it is not known. */
const char *relation_column(const Audit *audit, Relation relation);
/* For each relation the share of the rows validated on that have a twin in training. Collective.
 * Fails with MEMORY, agreed. */
CHECKED Status relations_shares_all(const Audit *audit, const uint8_t *role,
                                    double share[RELATIONS]);

/* ---- protocols.c ---- */

/* Divide the rows by every protocol that can be. Collective. */
CHECKED Status protocols_all(Audit *audit);
/* Fit and judge the job under each; home's first fold is given. Collective. */
CHECKED Status protocols_run_all(Audit *audit, const FoldScores *home);

/* ---- home.c ---- */

/* Fit the job under its home protocol, judge it, and keep bundle, rows and matrices. Collective. */
CHECKED Status home_all(Audit *audit, FoldScores *scores);
/* What one column tells of the target by itself, on the test rows of a protocol. Collective. */
CHECKED Status home_tells_all(const Audit *audit, const uint8_t *role, const char *column,
                              int64_t bins, double *out);

/* ---- careless.c ---- */

CHECKED Status careless_all(Audit *audit);

/* ---- resampled.c ---- */

/* Does the job resample? Local. */
bool audit_resamples(const Audit *audit);
/* Resample all rows, divide what comes of it by row, fit and judge the model on that.
 * rows, x  of all rows that have a target, by a recipe that was fitted on them
 * Collective. Fails as a resampling and a fit do. */
CHECKED Status resampled_before_all(const Audit *audit, const StudyRows *rows, const Matrix *x,
                                    FoldScores *scores);

/* ---- rules.c, columns.c ---- */

/* What was found: a text for people, printf. Local. */
void audit_find(Audit *audit, Rule rule, Verdict verdict, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
CHECKED Status rules_all(Audit *audit);
/* Those rules that look at single columns. Collective. */
CHECKED Status columns_all(Audit *audit);
enum { PRIMARY = 3 };
/* The scores that stand for all, by number; -1: no more. Two of them are enough for a sentence. */
void primary_scores(const Audit *audit, int64_t numbers[PRIMARY]);
/* A score's name as people say it. */
const char *score_label(const char *name);
/* "R2 0.425 instead of 0.387, RMSE 16.8 instead of 17.4" */
const char *scores_text(const Audit *audit, const FoldScores *careless, const FoldScores *honest,
                        char text[160]);

/* ---- tell.c ---- */

CHECKED Status tell(const Audit *audit);

#endif
