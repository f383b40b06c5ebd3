/* The request to stop; see stop.h. */
#include "stop.h"

#include <signal.h>
#include <stddef.h>

static volatile sig_atomic_t caught;

static void note(int signal_number) { caught = signal_number; }

static const int stop_signals[] = {SIGTERM, SIGINT, SIGUSR1, SIGUSR2};
enum { STOP_SIGNALS = sizeof stop_signals / sizeof *stop_signals };

void stop_hold(bool hold) {
  sigset_t set;
  sigemptyset(&set);
  for (size_t i = 0; i < STOP_SIGNALS; i++) sigaddset(&set, stop_signals[i]);
  sigprocmask(hold ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
}

void stop_install(bool note_them) {
  struct sigaction action = {.sa_handler = note, .sa_flags = SA_RESTART};
  sigemptyset(&action.sa_mask);
  for (size_t i = 0; note_them && i < STOP_SIGNALS; i++) sigaction(stop_signals[i], &action, NULL);
  signal(SIGPIPE, SIG_IGN);
  stop_hold(false);
}

bool stop_requested(void) { return caught != 0; }

const char *stop_signal(void) {
  switch (caught) {
    case SIGTERM: return "SIGTERM";
    case SIGINT: return "SIGINT";
    case SIGUSR1: return "SIGUSR1";
    case SIGUSR2: return "SIGUSR2";
    default: return "";
  }
}
