/* The baseline that stands beside every model: the mean of the target, or the classes' shares. */
#ifndef SEGUE_CONSTANT_H
#define SEGUE_CONSTANT_H

#include "model.h"

extern const ModelKind constant_model;

#endif
