/* A board: numbers that one rank writes down once and that all ranks can read from then on, without
 * meeting. For work that depends on what other ranks have found. */
#ifndef SEGUE_BASE_BOARD_H
#define SEGUE_BASE_BOARD_H

#include "comm.h"

typedef struct Board Board;

/* items places of `width` numbers each, all empty. Collective; arguments same on all ranks. The
 * board is kept by rank 0. Fails with MEMORY, agreed. */
CHECKED Status board_new_all(const Comm *comm, int64_t items, int64_t width, Board **out);
/* Collective. */
void board_free_all(Board **board);

/* Local, all of the rest: rank 0 need not be waiting; between nodes without remote atomics it
 * answers when it is inside MPI (work_stopping).
 * Write an item, which was empty. */
void board_write(Board *board, int64_t item, const double *values);
/* The numbers of an item, borrowed; NULL: it is still empty. What was read stays with this rank. */
const double *board_read(Board *board, int64_t item);
/* Tell all others that items may stay empty, because this rank failed or stopped; has any? */
void board_give_up(Board *board);
bool board_given_up(Board *board);

#endif
