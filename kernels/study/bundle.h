/* The bundle: a fitted recipe and a fitted model; it predicts from raw columns.
 *
 * The same bundle that was measured is the one that serves, so training and serving cannot drift
 * apart. Bundles nest: a stack holds those of its members, level by level, and one that learned
 * from what the members predict (nest.h). Any of classes may end in a calibration and a decision
 * threshold. */
#ifndef SEGUE_STUDY_BUNDLE_H
#define SEGUE_STUDY_BUNDLE_H

#include "kernels/calibrate/calibration.h"
#include "kernels/measure/measure.h"
#include "kernels/model.h"
#include "kernels/prepare/recipe.h"

/* The version of what bundle_fields saves, models, steps and nodes of trees included. It rises when
 * any of it changes; older ones are read for ever (tests/kept). */
enum { BUNDLE_FORMAT = 1 };

/* A member of a stack, as a config gives it. */
typedef struct MemberOptions {
  Variant model;
  TextList features;  /* no items: the stack's features (level 1), or none beside predictions */
  VariantList recipe; /* no items: the stack's recipe (level 1), or none */
  int64_t level;      /* 1: learns from raw columns; l: from the predictions of level l - 1 */
} MemberOptions;

typedef struct StackOptions {
  Map members;      /* name -> MemberOptions */
  Variant meta;     /* kind is a ModelKind: learns from the predictions of the last level */
  bool passthrough; /* the stack's features, through its recipe, go to upper levels and meta too */
  int scale;        /* CalibrationScale: how probabilities go to upper levels and meta */
} StackOptions;

/* What to fit. Everything is borrowed and must outlive bundles made from it. */
typedef struct Spec {
  const char *target;
  bool asked; /* the target was a number, and became the question whether it is above this */
  double above;
  const char *group;         /* integer column that numbers recordings; NULL: none */
  const char *weight;        /* column of weights of training rows; NULL: none */
  TextList features;         /* raw columns that enter the recipe */
  const VariantList *steps;  /* kinds are StepKind */
  const Variant *resample;   /* kind is a ResampleKind; NULL, or no kind: rows stay as they are */
  const Variant *model;      /* kind is a ModelKind; of a stack: meta's */
  const StackOptions *stack; /* NULL: one recipe and model */
} Spec;

/* How a spec is made of a stage's options and of what was chosen among the possibilities that they
 * leave open. Local. options, borrowed, must outlive the spec.
 * choice  numbers whose meaning is the maker's
 * memory  out: what the spec refers to besides the options, freed with memory_free; may stay NULL
 * Fails with FORMAT when the choice is none of these options', MEMORY. */
typedef Status SpecMaker(const void *options, const RealList *choice, Spec *spec, void **memory);

typedef struct Bundle {
  Spec spec;
  SpecMaker *maker; /* NULL: the spec was given; the three below are empty then */
  const void *options;
  RealList choice;
  void *memory;
  Task task;
  Dictionary classes; /* CLASSIFICATION: names of the classes in byte order */
  Schema needed;      /* raw columns that rows for prediction have to have */
  Recipe recipe;      /* none in a stack */
  void *model;
  /* A stack: */
  int64_t n_members;
  struct Bundle *members; /* in the order of the config */
  struct Bundle *meta;
  TextList inputs; /* a part of a stack: its features, owned */
  /* Of classes, after the model: */
  Calibration calibration;
  Decision decision;
  /* Fitted again after it was judged: the rows that it learned from then, and those that the model
   * that was judged had learned from, which the others stood outside of. 0: as it was judged. */
  int64_t refit_rows, judged_rows;
} Bundle;

void bundle_init(Bundle *bundle, const Spec *spec);
/* Begin a bundle whose spec is to be chosen; bundle_choose, or reading it, gives it one. Local. */
void bundle_init_open(Bundle *bundle, SpecMaker *maker, const void *options);
/* Choose, once. Local. choice is copied. Fails as the maker does. */
CHECKED Status bundle_choose(Bundle *bundle, const RealList *choice);
void bundle_clear(Bundle *bundle);
/* Drop what was fitted, and begin again with the same spec or choice. Local. Fails with MEMORY. */
CHECKED Status bundle_renew(Bundle *bundle);
/* Values per row that predict gives: 1, or the number of classes. */
static inline int64_t bundle_width(const Bundle *bundle) {
  return bundle->task == TASK_REGRESSION ? 1 : bundle->classes.n;
}
/* Predict from raw columns. out rows.n x width, row by row. Local. Fails with INVALID when a needed
 * column is absent or of another type. */
CHECKED Status bundle_predict(const Bundle *bundle, const Table *rows, double *out);
/* The share of the targets that prediction intervals are to hold; 0: the model has none. Local. */
double bundle_interval(const Bundle *bundle);
/* The same with prediction intervals: rows.n x 2, low and high; NULL: none wanted. Local. */
CHECKED Status bundle_predict_interval(const Bundle *bundle, const Table *rows, double *out,
                                       double *interval);
/* Visit; IN needs bundle_init with the spec it was made by, or bundle_init_open. Local. Fails with
 * FORMAT when what is read is of a newer format, or no bundle. */
CHECKED Status bundle_fields(Bundle *bundle, Fields *fields);
/* Make out, which was begun as from was, another of the same content. Local. Fails with MEMORY. */
CHECKED Status bundle_copy(const Bundle *from, Bundle *out);
/* The class that probabilities of a row speak for. Local. */
static inline int32_t bundle_class(const Bundle *bundle, const double *probability) {
  return measure_class(&bundle->decision, probability, bundle->classes.n);
}
/* Can this program read that format? Local. Fails with FORMAT, saying what to do. */
CHECKED Status bundle_check_format(int64_t format);

#endif
