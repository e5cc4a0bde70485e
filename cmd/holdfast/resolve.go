package main

import (
	"github.com/spf13/cobra"

	"github.com/holdfastdns/holdfast/internal/app"
)

func (c *commands) resolve() *cobra.Command {
	o := app.ResolveOptions{}
	cmd := &cobra.Command{
		Use:   "resolve NAME [TYPE]",
		Short: "Walk from the root to one name and validate every step",
		Long: `resolve asks the servers of each zone from the root to the name, as a resolver
does, validates every step, and says secure, insecure, bogus or indeterminate:
at which step, by which clause, with which extended DNS error (RFC 8914).
Without TYPE it asks for A.

Of each zone it asks three servers, with --every-server all of them, and names
those that differ. With --from it judges a saved walk again, at any instant,
without a packet.

Exit codes: 0 secure or insecure (what resolvers take), 1 with --every-server
where servers differ, 3 bogus, 4 indeterminate or could not work.`,
		Example: `  holdfast resolve www.example.org
  holdfast resolve example.org MX --every-server
  holdfast resolve example.org DS --at 2026-12-24T00:00:00Z
  holdfast resolve example.org SOA --save soa.walk && holdfast resolve example.org SOA --from soa.walk --at 2026-12-24T00:00:00Z`,
		Args: args(cobra.RangeArgs(1, 2)),
		RunE: func(cmd *cobra.Command, given []string) (err error) {
			o.Name, o.JSON = given[0], c.json
			if len(given) == 2 {
				o.Type = given[1]
			}
			c.exit, err = app.Resolve(cmd.Context(), c.world, o)
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.At, "at", "", "judge at this `instant` (RFC 3339) instead of now")
	f.StringVar(&o.TrustAnchor, "trust-anchor", "", "trust the DS or DNSKEY records of this `file` instead of IANA's")
	f.StringVar(&o.RootHints, "root-hints", "", "begin at the servers of this `file` (named.root form)")
	f.BoolVarP(&o.Only4, "ipv4", "4", false, "ask over IPv4 only")
	f.BoolVarP(&o.Only6, "ipv6", "6", false, "ask over IPv6 only")
	f.BoolVar(&o.EveryServer, "every-server", false, "ask all servers of each zone on the way and compare")
	f.StringVar(&o.Save, "save", "", "save the evidence to this `file`")
	f.StringVar(&o.From, "from", "", "judge the evidence of this `file`; ask nobody")
	f.StringVar(&o.Config, "config", "", "take time-outs and limits from this configuration `file`")
	cmd.MarkFlagsMutuallyExclusive("ipv4", "ipv6")
	cmd.MarkFlagsMutuallyExclusive("from", "save")
	cmd.MarkFlagsMutuallyExclusive("from", "every-server")
	return cmd
}
