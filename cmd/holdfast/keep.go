package main

import (
	"github.com/spf13/cobra"

	"github.com/holdfastdns/holdfast/internal/app"
)

// configured adds the flag that names the configuration.
func configured(cmd *cobra.Command, file *string) *cobra.Command {
	cmd.Flags().StringVar(file, "config", "", "the configuration `file` (default: built-in values)")
	return cmd
}

// store completes the options of a command that works on the database.
func (c *commands) store(o app.StoreOptions) app.StoreOptions {
	o.JSON = c.json
	return o
}

// group is a command that only has others below it: alone it prints its help,
// and a word that is none of them is a mistake.
func group(use, short string) *cobra.Command {
	return &cobra.Command{Use: use, Short: short, Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
}

func (c *commands) create() *cobra.Command {
	o := app.StoreOptions{}
	return configured(&cobra.Command{
		Use: "init", Short: "Create the database that the configuration names", Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return app.Init(cmd.Context(), c.world, c.store(o)) },
	}, &o.Config)
}

func (c *commands) watch() *cobra.Command {
	o := app.WatchOptions{}
	cmd := &cobra.Command{
		Use:   "watch",
		Short: "Watch the whole roster: measure, judge, record, tell",
		Args:  args(cobra.NoArgs),
		Example: `  holdfast init --config holdfast.toml && holdfast watch --config holdfast.toml
  holdfast watch --once --root-zone root.zone --config holdfast.toml`,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			o.JSON = c.json
			c.exit, err = app.Watch(cmd.Context(), c.world, o)
			return err
		},
	}
	f := cmd.Flags()
	f.BoolVar(&o.Once, "once", false, "sweep once, in full depth, and stop")
	f.BoolVar(&o.Core, "core", false, "with --once: SOA and DNSKEY only")
	f.StringVar(&o.RootZone, "root-zone", "", "take the roster from this root zone `file`")
	return configured(cmd, &o.Config)
}

func (c *commands) notices() *cobra.Command {
	o := app.StoreOptions{}
	group := group("notices", "The mails that wait, and those that went")
	all := false
	list := configured(&cobra.Command{
		Use: "list", Short: "List notices: those held and queued, or all", Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return app.ListNotices(cmd.Context(), c.world, c.store(o), all)
		},
	}, &o.Config)
	list.Flags().BoolVar(&all, "all", false, "list sent, dropped and failed ones too")
	release := configured(&cobra.Command{
		Use: "release ID...", Short: "Let held notices go", Args: args(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, ids []string) error {
			return app.ReleaseNotices(cmd.Context(), c.world, c.store(o), ids)
		},
	}, &o.Config)
	why := ""
	drop := configured(&cobra.Command{
		Use: "drop ID...", Short: "Drop held or queued notices", Args: args(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, ids []string) error {
			return app.DropNotices(cmd.Context(), c.world, c.store(o), ids, why)
		},
	}, &o.Config)
	drop.Flags().StringVar(&why, "why", "dropped by staff", "the reason, for the record")
	group.AddCommand(list, release, drop)
	return group
}

func (c *commands) record() *cobra.Command {
	o := app.StoreOptions{}
	group := group("record", "The database: its figures, a backup, its retention")
	stats := configured(&cobra.Command{
		Use: "stats", Short: "Say what the database holds", Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return app.RecordStats(cmd.Context(), c.world, c.store(o))
		},
	}, &o.Config)
	backup := configured(&cobra.Command{
		Use: "backup FILE", Short: "Copy the database to a new file while it is in use", Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, given []string) error {
			return app.RecordBackup(cmd.Context(), c.world, c.store(o), given[0])
		},
	}, &o.Config)
	prune := configured(&cobra.Command{
		Use: "prune", Short: "Drop evidence beyond the configured age and size now", Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return app.RecordPrune(cmd.Context(), c.world, c.store(o))
		},
	}, &o.Config)
	group.AddCommand(stats, backup, prune)
	return group
}

func (c *commands) rejudge() *cobra.Command {
	o := app.RejudgeOptions{}
	cmd := configured(&cobra.Command{
		Use:   "rejudge",
		Short: "Judge recorded evidence again with today's checks",
		Args:  args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			o.JSON = c.json
			c.exit, err = app.Rejudge(cmd.Context(), c.world, o)
			return err
		},
	}, &o.Config)
	f := cmd.Flags()
	f.StringVar(&o.Since, "since", "", "from this `instant` (RFC 3339) or age (24h, 7d); default: all")
	f.StringVar(&o.Until, "until", "", "to this `instant`; default: now")
	f.StringVar(&o.Zone, "zone", "", "this `zone` only")
	f.StringVar(&o.Profile, "profile", "", "weigh findings by this `profile` instead of the configuration's")
	f.BoolVar(&o.CatalogueDiff, "catalogue-diff", false, "sum up by check what appears, vanishes or weighs otherwise: for a release note")
	return cmd
}

func (c *commands) config() *cobra.Command {
	group := group("config", "The configuration")
	file := ""
	group.AddCommand(
		configured(&cobra.Command{
			Use: "check", Short: "Say whether the configuration is right, and what it comes to", Args: args(cobra.NoArgs),
			RunE: func(cmd *cobra.Command, _ []string) error { return app.ConfigCheck(c.world, file, c.json) },
		}, &file),
		&cobra.Command{
			Use: "example", Short: "Print a configuration file with every setting and its meaning", Args: args(cobra.NoArgs),
			RunE: func(cmd *cobra.Command, _ []string) error { return app.ConfigExample(c.world) },
		})
	return group
}
