package record

import (
	"context"
	"os"
)

// Track records while f runs, and marks this process and all that it starts as the
// user's own. For that time the environment has SocketVariable, so that Mark("", …)
// here and in children marks phases of this recording. It returns what f and the
// recording failed with; the files that the summary names can be handed to
// report.Analyze. cfg has no Command.
func Track(ctx context.Context, cfg Config, f func() error) (Summary, error) {
	if len(cfg.Command) > 0 {
		return Summary{}, &Error{Message: "a function is tracked, and a command was given too", Status: statusUsage}
	}
	cfg.PIDs = append([]int32{int32(os.Getpid())}, cfg.PIDs...)
	r, err := Start(ctx, cfg)
	if err != nil {
		return Summary{}, err
	}
	defer restore(SocketVariable)()
	os.Setenv(SocketVariable, r.control.path)
	defer r.Wait() // where f panics
	defer r.Stop()
	failed := f()
	r.Stop()
	s, err := r.Wait()
	return s, together(failed, err)
}

// restore returns what gives a variable of the environment its value of now.
func restore(name string) func() {
	if before, had := os.LookupEnv(name); had {
		return func() { os.Setenv(name, before) }
	}
	return func() { os.Unsetenv(name) }
}
