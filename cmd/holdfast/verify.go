package main

import (
	"github.com/spf13/cobra"

	"github.com/holdfastdns/holdfast/internal/app"
)

func (c *commands) verify() *cobra.Command {
	o := app.VerifyOptions{}
	cmd := &cobra.Command{
		Use:   "verify ZONE-FILE",
		Short: "Verify a whole signed zone: every signature, denial, ZONEMD, glue, keys",
		Long: `verify judges a whole signed zone, from a file (plain, gzip or xz), from standard
input ("-"), from the web, or by transfer ("axfr:HOST" or "axfr:HOST:PORT"): every
signature, the NSEC or NSEC3 chain, ZONEMD, delegations and glue, and the keys.

The zone streams by and is not held in memory: one of ten million delegations takes
less than 300 MB and some gigabytes of temporary files. All processors are used.
A zone that breaks off is judged as far as it came, with exit code 4.`,
		Example: `  holdfast verify root.zone
  holdfast verify root.zone --trust-anchor root-anchors.xml --horizon 72h
  holdfast verify se.zone.gz --sample 5%
  holdfast verify axfr:127.0.0.1:5353 --origin example.se
  dig @lax.xfr.dns.icann.org . axfr | holdfast verify - --origin .`,
		Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, given []string) (err error) {
			o.From, o.JSON = given[0], c.json
			c.exit, err = app.Verify(cmd.Context(), c.world, o)
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.At, "at", "", "verify at this `instant` (RFC 3339) instead of now")
	f.StringVar(&o.Origin, "origin", "", "the zone's `name`: for a transfer, or where the file does not begin with its SOA")
	f.StringVar(&o.TrustAnchor, "trust-anchor", "", "DS or DNSKEY records that the zone's keys must chain to, in a `file`")
	f.StringVar(&o.Horizon, "horizon", "", "say what will have expired after this `duration`, as 72h or 3d; a warning if anything")
	f.StringVar(&o.Sample, "sample", "", "verify the cryptography of a random `share` of the signatures, as 1000 or 5%; their names, keys and dates of all")
	f.StringVar(&o.Temp, "temp", "", "put temporary files into this `folder`")
	return cmd
}
