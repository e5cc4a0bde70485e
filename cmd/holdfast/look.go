package main

import (
	"github.com/spf13/cobra"

	"github.com/holdfastdns/holdfast/internal/app"
)

func (c *commands) check() *cobra.Command {
	o := app.CheckOptions{}
	cmd := &cobra.Command{
		Use:   "check ZONE",
		Short: "Measure and judge one zone now",
		Long: `check walks from the root to the zone, asks every name server on every address,
validates what they answer and says what is wrong, since when and until when.

With --from it judges saved evidence again, at any instant, without a packet.
With --ns and --ds a zone is tested before it is published.`,
		Example: `  holdfast check se
  holdfast check se --at 2026-12-01T00:00:00Z
  holdfast check example.se --ns ns1.example.se=192.0.2.1 --ns ns2.example.se=2001:db8::2
  holdfast check se --save se.evidence && holdfast check se --from se.evidence --at 2026-12-24T00:00:00Z`,
		Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, given []string) (err error) {
			o.Zone, o.JSON = given[0], c.json
			c.exit, err = app.Check(cmd.Context(), c.world, o)
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.At, "at", "", "judge at this `instant` (RFC 3339) instead of now")
	f.StringVar(&o.TrustAnchor, "trust-anchor", "", "trust the DS or DNSKEY records of this `file` instead of IANA's")
	f.StringVar(&o.RootHints, "root-hints", "", "begin at the servers of this `file` (named.root form)")
	f.StringArrayVar(&o.NS, "ns", nil, "an undelegated name server, `name=address`; may be given again")
	f.StringArrayVar(&o.DS, "ds", nil, "an undelegated DS `record` (\"tag algorithm digest-type digest\"); may be given again")
	f.BoolVarP(&o.Only4, "ipv4", "4", false, "ask over IPv4 only")
	f.BoolVarP(&o.Only6, "ipv6", "6", false, "ask over IPv6 only")
	f.StringVar(&o.Save, "save", "", "save the evidence to this `file`")
	f.StringVar(&o.From, "from", "", "judge the evidence of this `file`; ask nobody")
	f.StringVar(&o.Config, "config", "", "take time-outs and limits from this configuration `file`")
	f.StringVar(&o.Profile, "profile", "", "weigh findings by this `profile`: default, icann-rst, iana, quiet, or a file")
	f.StringVar(&o.Report, "report", "", "print a report instead: `iana`, its technical requirements one by one")
	cmd.MarkFlagsMutuallyExclusive("ipv4", "ipv6")
	cmd.MarkFlagsMutuallyExclusive("from", "save")
	cmd.MarkFlagsMutuallyExclusive("from", "ns")
	return cmd
}

func (c *commands) lab() *cobra.Command {
	o := app.LabOptions{}
	cmd := &cobra.Command{
		Use:   "lab [FILE]",
		Short: "Run a small Internet with faults to order",
		Long: `lab builds a signed root and top-level domains from a lab file (docs/formats/lab.md),
from a root zone file, or from the built-in list, and serves it.

Inside "unshare -Urn", after "ip link set lo up", "ip route add local 0.0.0.0/0 dev lo"
and "ip -6 route add local ::/0 dev lo", --serve answers on port 53 of every address,
so that dig, Unbound and testers walk it with the real addresses.`,
		Args: args(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, given []string) (err error) {
			if len(given) == 1 {
				o.File = given[0]
			}
			o.JSON = c.json
			c.exit, err = app.Lab(cmd.Context(), c.world, o)
			return err
		},
	}
	f := cmd.Flags()
	f.BoolVar(&o.Serve, "serve", false, "answer on port 53 of every address")
	f.StringVar(&o.RootZone, "root-zone", "", "build the lab from this root zone `file`")
	f.StringVar(&o.Anchor, "write-anchor", "", "write the lab's trust anchor to this `file`")
	f.StringVar(&o.Hints, "write-hints", "", "write the lab's root hints to this `file`")
	f.StringVar(&o.Zone, "print-zone", "", "print this signed `zone` as a master file and stop")
	f.IntVar(&o.Big, "big", 0, "print a signed zone of this `number` of delegations, a tenth of them secured, and stop")
	f.StringVar(&o.BigDenial, "big-denial", "opt-out", "deny in the big zone by `kind`: nsec, nsec3 or opt-out")
	f.StringVar(&o.At, "at", "", "begin the lab's clock at this `instant` (RFC 3339) instead of now")
	return cmd
}

func (c *commands) demo() *cobra.Command {
	o := app.DemoOptions{}
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "See it at work: a lab with all top-level domains, the watch over it, its page and its mails",
		Args:  args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			c.exit, err = app.Demo(cmd.Context(), c.world, o)
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Listen, "listen", "127.0.0.1:0", "serve the page on this `address`")
	f.DurationVar(&o.For, "for", 0, "stop after this `duration`; 0 runs until interrupted")
	return cmd
}

func (c *commands) version() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return app.PrintVersion(c.world, c.json) },
	}
}
