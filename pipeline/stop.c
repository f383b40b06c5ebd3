/* The request to stop; see stop.h. */
#include "stop.h"

#include <signal.h>
#include <stddef.h>

static volatile sig_atomic_t caught;

static void note(int signal_number) { caught = signal_number; }

void stop_install(void) {
  const int signals[] = {SIGTERM, SIGINT, SIGUSR1, SIGUSR2};
  struct sigaction action = {.sa_handler = note, .sa_flags = SA_RESTART};
  sigemptyset(&action.sa_mask);
  for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
    sigaction(signals[i], &action, NULL);
  signal(SIGPIPE, SIG_IGN);
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
