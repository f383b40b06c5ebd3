/* A board on rank 0; see board.h.
 *
 * A row of the window is an item: its numbers, then a word that is 1 once they are there. The word
 * is set when the numbers have arrived, and read before them. All accesses are atomic ones
 * (accumulate), so that a reader and the writer may meet. */
#include "board.h"

#include <string.h>

#include "memory.h"

struct Board {
  Comm comm;
  MPI_Win win;
  int64_t *memory; /* rank 0's window, as MPI gave it */
  int64_t items, width;
  double *values; /* items x width: what this rank knows */
  uint8_t *known; /* items */
  bool given_up;
};

static Status board_init(const Comm *comm, int64_t items, int64_t width, Board **out) {
  Status status = OK;
  TRY(NEW(out, 1));
  **out = (Board){.comm = *comm, .win = MPI_WIN_NULL, .items = items, .width = width};
  TRY(NEW(&(*out)->values, items * width));
  TRY(NEW(&(*out)->known, items));
done:
  return status;
}

Status board_new_all(const Comm *comm, int64_t items, int64_t width, Board **out) {
  Status status = OK;
  *out = NULL;
  AGREE(comm, board_init(comm, items, width, out));
  if (comm->size > 1) {
    Board *board = *out;
    int64_t words = comm->rank == 0 ? items * (width + 1) + 1 : 0;
    MPI_Win_allocate((MPI_Aint)(words * (int64_t)sizeof(int64_t)), sizeof(int64_t), MPI_INFO_NULL,
                     comm->mpi, &board->memory, &board->win);
    if (words > 0) memset(board->memory, 0, (size_t)words * sizeof(int64_t));
    comm_barrier_all(comm);
    MPI_Win_lock_all(0, board->win);
    MPI_Win_sync(board->win);
    comm_barrier_all(comm);
  }
done:
  if (status != OK && *out) {
    memory_free(&(*out)->values);
    memory_free(&(*out)->known);
    memory_free(out);
  }
  return status;
}

void board_free_all(Board **out) {
  Board *board = *out;
  if (!board) return;
  if (board->win != MPI_WIN_NULL) {
    comm_barrier_all(&board->comm);
    MPI_Win_unlock_all(board->win);
    MPI_Win_free(&board->win);
  }
  memory_free(&board->values);
  memory_free(&board->known);
  memory_free(out);
}

static void put(Board *board, int64_t word, const void *values, int n) {
  MPI_Accumulate(values, n, MPI_INT64_T, 0, (MPI_Aint)word, n, MPI_INT64_T, MPI_REPLACE,
                 board->win);
  MPI_Win_flush(0, board->win);
}

static void get(Board *board, int64_t word, void *values, int n) {
  MPI_Get_accumulate(values, n, MPI_INT64_T, values, n, MPI_INT64_T, 0, (MPI_Aint)word, n,
                     MPI_INT64_T, MPI_NO_OP, board->win);
  MPI_Win_flush(0, board->win);
}

static int64_t row_of(const Board *board, int64_t item) { return item * (board->width + 1); }

void board_write(Board *board, int64_t item, const double *values) {
  int64_t one = 1;
  memcpy(board->values + item * board->width, values, (size_t)board->width * sizeof *values);
  board->known[item] = 1;
  if (board->win == MPI_WIN_NULL) return;
  put(board, row_of(board, item), values, (int)board->width);
  put(board, row_of(board, item) + board->width, &one, 1);
}

const double *board_read(Board *board, int64_t item) {
  double *values = board->values + item * board->width;
  int64_t there = 0;
  if (board->known[item]) return values;
  if (board->win == MPI_WIN_NULL) return NULL;
  get(board, row_of(board, item) + board->width, &there, 1);
  if (!there) return NULL;
  get(board, row_of(board, item), values, (int)board->width);
  board->known[item] = 1;
  return values;
}

void board_give_up(Board *board) {
  int64_t one = 1;
  board->given_up = true;
  if (board->win != MPI_WIN_NULL) put(board, row_of(board, board->items), &one, 1);
}

bool board_given_up(Board *board) {
  int64_t word = board->given_up;
  if (!word && board->win != MPI_WIN_NULL) get(board, row_of(board, board->items), &word, 1);
  board->given_up = word != 0;
  return board->given_up;
}
