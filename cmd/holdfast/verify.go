package main

import (
	"github.com/spf13/cobra"

	"github.com/holdfastdns/holdfast/internal/app"
)

func (c *commands) verify() *cobra.Command {
	o := app.VerifyOptions{}
	cmd := &cobra.Command{
		Use:   "verify FILE",
		Short: "Verify a signed zone file: every signature, the denial chain, ZONEMD",
		Args:  args(cobra.ExactArgs(1)),
		Example: `  holdfast verify root.zone
  dig @lax.xfr.dns.icann.org . axfr | holdfast verify - --origin .`,
		RunE: func(cmd *cobra.Command, given []string) (err error) {
			o.File, o.JSON = given[0], c.json
			c.exit, err = app.Verify(cmd.Context(), c.world, o)
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.At, "at", "", "verify at this `instant` (RFC 3339) instead of now")
	f.StringVar(&o.Origin, "origin", "", "the zone's `name`, where the file does not begin with its SOA")
	f.StringVar(&o.TrustAnchor, "trust-anchor", "", "DS or DNSKEY records that the zone's keys must chain to, in a `file`")
	return cmd
}
