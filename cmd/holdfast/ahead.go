package main

import (
	"github.com/spf13/cobra"

	"github.com/holdfastdns/holdfast/internal/app"
)

func (c *commands) forecast() *cobra.Command {
	o := app.ForecastOptions{}
	cmd := configured(&cobra.Command{
		Use:   "forecast",
		Short: "Say which zones will be bogus at an instant if nobody does anything",
		Long: `forecast looks ahead from what the watch has recorded: the signatures that each
server gave, and the chain above. It asks nobody.

A zone counts as bogus once all of its servers that are well now are, or the
chain above it is; zones of which only some servers turn bogus are listed apart.`,
		Example: `  holdfast forecast --at 72h --config holdfast.toml
  holdfast forecast --at 2026-12-24T00:00:00Z --json --config holdfast.toml`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			o.JSON = c.json
			c.exit, err = app.Forecast(cmd.Context(), c.world, o)
			return err
		},
	}, &o.Config)
	f := cmd.Flags()
	f.StringVar(&o.At, "at", "", "the `instant` (RFC 3339), or how far ahead (72h, 7d); default: 7d")
	f.BoolVar(&o.All, "all", false, "list all zones, however many")
	return cmd
}

func (c *commands) fate() *cobra.Command {
	o := app.FateOptions{}
	return configured(&cobra.Command{
		Use:   "fate [ZONE|ADDRESS|NETWORK|DOMAIN]",
		Short: "Say what hangs on a server, a network or a domain of name servers",
		Long: `fate reads from the record who shares what: of an address, a network (/24, /48) or a
domain that name servers have their names in, the zones that hang on it; of a zone,
what it hangs on and how many others do. Without a name it lists the networks that
most zones hang on.`,
		Example: `  holdfast fate se --config holdfast.toml
  holdfast fate 192.0.2.66 --config holdfast.toml`,
		Args: args(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, given []string) error {
			if len(given) == 1 {
				o.What = given[0]
			}
			o.JSON = c.json
			return app.Fate(cmd.Context(), c.world, o)
		},
	}, &o.Config)
}

func (c *commands) show() *cobra.Command {
	o := app.ShowOptions{}
	cmd := configured(&cobra.Command{
		Use:   "show ZONE",
		Short: "Show the latest recorded verdict on a zone",
		Long: `show prints what the watch knows of a zone, with all that it learnt over time, and
asks nobody. With --save the evidence goes to a file, together with what was known
before it: "holdfast check ZONE --from FILE" gives the same verdict anywhere.`,
		Example: `  holdfast show se --config holdfast.toml
  holdfast show se --save se.evidence --config holdfast.toml && holdfast check se --from se.evidence`,
		Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, given []string) (err error) {
			o.Zone, o.JSON = given[0], c.json
			c.exit, err = app.Show(cmd.Context(), c.world, o)
			return err
		},
	}, &o.Config)
	cmd.Flags().StringVar(&o.Save, "save", "", "save the evidence that the verdict rests on to this `file`")
	return cmd
}

func (c *commands) profile() *cobra.Command {
	group := group("profile", "Severity profiles: how loud each finding is")
	group.AddCommand(
		&cobra.Command{
			Use: "list", Short: "List the built-in profiles", Args: args(cobra.NoArgs),
			RunE: func(*cobra.Command, []string) error { return app.ListProfiles(c.world, c.json) },
		},
		&cobra.Command{
			Use: "show NAME|FILE", Short: "Print a profile as a file to change and use", Args: args(cobra.ExactArgs(1)),
			Example: `  holdfast profile show quiet > ours.csv`,
			RunE:    func(_ *cobra.Command, given []string) error { return app.ShowProfile(c.world, given[0], c.json) },
		},
		&cobra.Command{
			Use: "import FILE", Short: "Make a profile of a Zonemaster profile.json", Args: args(cobra.ExactArgs(1)),
			Example: `  holdfast profile import profile.json > ours.csv && holdfast check se --profile ours.csv`,
			RunE:    func(_ *cobra.Command, given []string) error { return app.ImportProfile(c.world, given[0], c.json) },
		})
	return group
}
