// Command holdfast keeps watch over the security, stability and resiliency of
// the Internet's identifier systems. Here are its flags; what they do is in
// internal/app.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/holdfastdns/holdfast/internal/app"
)

func main() { os.Exit(int(interruptible(os.Args[1:], app.RealWorld()))) }

// interruptible runs until the command is done or the process is asked to stop.
func interruptible(args []string, world app.World) app.Exit {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return run(ctx, args, world)
}

// run executes one command line in a world and gives the process's exit code.
func run(ctx context.Context, args []string, world app.World) app.Exit {
	c := &commands{world: world, exit: app.Healthy}
	root := c.root()
	root.SetArgs(args)
	root.SetIn(world.Stdin)
	root.SetOut(world.Stdout)
	root.SetErr(world.Stderr)
	if err := root.ExecuteContext(ctx); err != nil {
		fmt.Fprintln(world.Stderr, "holdfast:", err)
		if misused(err) {
			fmt.Fprintln(world.Stderr, "  holdfast --help lists the commands; holdfast COMMAND --help its flags")
		}
		return app.Unworked
	}
	return c.exit
}

var errUsage = errors.New("wrong usage")

// misused says whether the command line was wrong. Two of cobra's own mistakes
// are known by their words only.
func misused(err error) bool {
	return errors.Is(err, errUsage) || strings.HasPrefix(err.Error(), "unknown command") || strings.HasPrefix(err.Error(), "if any flags in the group")
}

// commands holds what the commands share: the world they run in and the exit
// code that the one that ran asks for.
type commands struct {
	world app.World
	exit  app.Exit
	json  bool
}

func (c *commands) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "holdfast",
		Short: "Keep watch over the DNSSEC and delegation health of top-level domains",
		Long: `Holdfast measures every name server of every zone of its roster, validates what
they answer, remembers it, shows it on a page, and tells the right people before
signatures expire.

Begin with "holdfast demo", or "holdfast check ZONE".

Exit codes: 0 healthy, 1 warning, 2 error, 3 critical or bogus, 4 could not work.`,
		Version:       app.Version,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return fmt.Errorf("%w: %w", errUsage, err) })
	root.PersistentFlags().BoolVar(&c.json, "json", false, "print JSON (docs/formats)")
	root.AddCommand(c.demo(), c.check(), c.resolve(), c.verify(), c.watch(), c.create(), c.notices(), c.record(), c.rejudge(), c.show(), c.forecast(), c.fate(), c.profile(), c.config(), c.lab(), c.anchors(), c.signals(), c.rollover(), c.version(), c.testbed())
	return root
}

// args wraps cobra's argument checks so that a mistake reads as one of usage.
func args(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, given []string) error {
		if err := check(cmd, given); err != nil {
			return fmt.Errorf("%w: %s: %w", errUsage, cmd.CommandPath(), err)
		}
		return nil
	}
}
