package main

import (
	"github.com/spf13/cobra"

	"github.com/holdfastdns/holdfast/internal/app"
)

// rollover is the parent of all commands on rehearsals of key rollovers.
func (c *commands) rollover() *cobra.Command {
	group := group("rollover", "Rehearse rollovers of the root's keys with real resolvers, on this machine alone")
	group.AddCommand(c.rolloverRun(), c.rolloverList(), c.rolloverShow(), c.rolloverMake(), c.rolloverMatrix(), c.rolloverPerform())
	return group
}

func (c *commands) rolloverRun() *cobra.Command {
	o := app.RolloverOptions{}
	cmd := &cobra.Command{
		Use:   "run PLAY...",
		Short: "Perform plays with the resolvers that are installed, and compare with the RFCs",
		Long: `run performs plays of key rollovers: a root of our own shows the keys of each step,
and real resolvers, those that are installed of Unbound, BIND, Knot Resolver,
PowerDNS Recursor and dnsmasq, follow or do not. Each is asked every second for
signed, bogus and unsigned names and for the sentinel names of each key (RFC 8509);
its state files and its key-tag signals (RFC 8145) are kept too. What is due by the
RFCs' text is then compared with what was seen.

All of it happens in namespaces of its own: no privilege is needed, no packet leaves
the machine, installed services and their files are not touched, and nothing is left
behind. A resolver that is not installed is named and left out. PLAY is a name of
"holdfast rollover list", a file (docs/formats/play.md), or "all".

With --clock accelerated, hold-downs last seconds. With faketime the resolvers keep
the timers that they come with, 30 days and more, and all clocks leap ahead; that
wants Debian's package libfaketime, and BIND cannot play. With wall nothing is
hurried: it takes months.

Exit codes: 0 nobody departed from the RFCs, 1 somebody did, 4 a play could not be
performed. The evidence stays in the folder of --to (docs/formats/rehearsal.md);
"holdfast rollover matrix" judges it again.`,
		Example: `  holdfast rollover run plain
  holdfast rollover run all --resolver unbound,bind,knot
  holdfast rollover run n6-only-anchor-revoked n7-offline --to /tmp/rehearsals
  holdfast rollover run plain --page plain.html
  holdfast rollover run plain --clock faketime`,
		Args: args(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, given []string) (err error) {
			o.Plays, o.JSON = given, c.json
			c.exit, err = app.RolloverRun(cmd.Context(), c.world, o)
			return err
		},
	}
	f := cmd.Flags()
	f.StringSliceVar(&o.Resolvers, "resolver", nil, "only these `resolvers`: unbound, bind, knot, pdns, unbound-static, dnsmasq")
	f.StringVar(&o.Clock, "clock", app.Accelerated, "accelerated, faketime or wall")
	f.DurationVar(&o.Every, "every", 0, "ask that often, by the play's clock (default 1s; faketime 24h; wall 10m)")
	f.StringVar(&o.Folder, "to", "rehearsals", "keep the evidence in this `folder`")
	f.StringVar(&o.Page, "page", "", "write what came of it to this `file` as a page")
	f.IntVar(&o.SideBySide, "side-by-side", 0, "perform so many plays at once (default 4 a processor)")
	return cmd
}

func (c *commands) rolloverList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "Name the plays that come with the program", Args: args(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error { return app.RolloverList(c.world, c.json) },
	}
}

func (c *commands) rolloverShow() *cobra.Command {
	sizes := false
	cmd := &cobra.Command{
		Use: "show PLAY", Short: "Print a play: its keys, its steps, and what it tests", Args: args(cobra.ExactArgs(1)),
		Example: `  holdfast rollover show plain > mine.play
  holdfast rollover show algorithm-roll --sizes`,
		RunE: func(cmd *cobra.Command, given []string) error {
			if sizes {
				return app.RolloverSizes(cmd.Context(), c.world, given[0], c.json)
			}
			return app.RolloverShow(c.world, given[0], c.json)
		},
	}
	cmd.Flags().BoolVar(&sizes, "sizes", false, "print instead how large the answer with the root's keys is in each step")
	return cmd
}

// rolloverPerform is how run starts this program again inside a namespace.
func (c *commands) rolloverPerform() *cobra.Command {
	return &cobra.Command{
		Use: "perform", Short: "Perform the play on standard input; run starts it", Hidden: true, Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			c.exit, err = app.RolloverPerform(cmd.Context(), c.world)
			return err
		},
	}
}
