package main

import (
	"github.com/spf13/cobra"

	"github.com/holdfastdns/holdfast/internal/app"
)

func (c *commands) signals() *cobra.Command {
	o := app.SignalsOptions{}
	cmd := &cobra.Command{
		Use:   "signals [FILE...]",
		Short: "Which resolvers say that they trust an old key: RFC 8145 signals from logs and captures",
		Long: `signals reads what came to a name server for the signals with which resolvers say
which keys they trust (RFC 8145: names such as _ta-4f66-9728, and the EDNS key tag
option), and says which sources know the new key and which will fail without the old
one. Read are the query logs of BIND and of Unbound, BIND's trust-anchor-telemetry,
dnstap (which NSD and Knot DNS write too), pcap and pcapng, plain or gzip; "-" is
standard input. Nothing is held but a count for each source, day and set of keys.

With --keep the counts go into the database and what is shown is all that was kept;
a file that was read before counts once.

Exit code 1: a source is stale, or a file broke off.`,
		Example: `  holdfast signals /var/log/named/query.log --page signals.html
  holdfast signals root.dnstap.gz --keep --config holdfast.toml
  holdfast signals --zone example.com --old 4711 --new 815 example.pcap`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, given []string) (err error) {
			o.Files, o.JSON = given, c.json
			c.exit, err = app.Signals(cmd.Context(), c.world, o)
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Zone, "zone", ".", "the `zone` whose keys are meant")
	f.StringSliceVar(&o.New, "new", nil, "the `tag` of the new key (default: the root's, by the calendar)")
	f.StringSliceVar(&o.Old, "old", nil, "the `tag` of a key that is to go")
	f.StringVar(&o.Format, "format", "", "take the files for this `format`: log, pcap, pcapng or dnstap (default: what they seem to be)")
	f.StringVar(&o.TimeZone, "time-zone", "", "the `zone` of a log's times where they name none, as Europe/Amsterdam (default: UTC)")
	f.Uint16Var(&o.Port, "port", 53, "the `port` of the name server, for captures of packets")
	f.StringVar(&o.Page, "page", "", "write a page with graphs to this `file`")
	f.BoolVar(&o.All, "all", false, "list every stale source; with --json, every source and its history")
	f.BoolVar(&o.Keep, "keep", false, "add to the database, and show all that it holds")
	f.StringVar(&o.Since, "since", "", "with --keep: from this `instant` (RFC 3339) or age (30d) on")
	return configured(cmd, &o.Config)
}
