package main

import (
	"github.com/spf13/cobra"

	"github.com/holdfastdns/holdfast/internal/app"
)

// anchors is the parent of all commands on trust anchors.
func (c *commands) anchors() *cobra.Command {
	group := group("anchors", "Trust anchors: what files hold, whether they are IANA's, which machine will fail")
	group.AddCommand(c.anchorsShow(), c.anchorsVerify(), c.anchorsConvert(), c.anchorsAudit(), c.anchorsRoot(), c.anchorsSKR())
	return group
}

func (c *commands) anchorsShow() *cobra.Command {
	o := app.AnchorsOptions{}
	cmd := &cobra.Command{
		Use:   "show FILE...",
		Short: "Show the trust anchors of files: keys, states, since when",
		Long: `show reads trust anchors in the forms of the resolvers and says which keys they
hold, in which state of RFC 5011, since when, and in which line. "-" is standard
input. Nothing is written. A file that is not understood is an error.`,
		Example: `  holdfast anchors show /var/lib/unbound/root.key
  holdfast anchors show root-anchors.xml /usr/share/dns/root.ds`,
		Args: args(cobra.MinimumNArgs(1)),
		RunE: func(_ *cobra.Command, given []string) (err error) {
			o.Files, o.JSON = given, c.json
			c.exit, err = app.AnchorsShow(c.world, o)
			return err
		},
	}
	cmd.Flags().StringVar(&o.Form, "form", "", "take the files for this `form` (default: what they seem to be)")
	return cmd
}

func (c *commands) anchorsVerify() *cobra.Command {
	o := app.AnchorsVerifyOptions{}
	cmd := &cobra.Command{
		Use:   "verify ROOT-ANCHORS.XML",
		Short: "Verify IANA's root-anchors.xml and say which keys are valid",
		Long: `verify holds IANA's file of trust anchors against its detached CMS signature,
whose certificate must be dnssec@iana.org's and come from an authority of ICANN's
that is built in, and says which keys are valid. Nothing is fetched:

    curl -O https://data.iana.org/root-anchors/root-anchors.xml
    curl -O https://data.iana.org/root-anchors/root-anchors.p7s

Exit code 0: verified. 1: there is no signature, or its certificate expires within
60 days. 2: its certificate has expired. 3: it is not a signature of this file, or
nobody's that is trusted. 4: the file is not understood.`,
		Example: `  holdfast anchors verify root-anchors.xml
  holdfast anchors verify root-anchors.xml --signature root-anchors.p7s --at 2027-01-11`,
		Args: args(cobra.ExactArgs(1)),
		RunE: func(_ *cobra.Command, given []string) (err error) {
			o.File, o.JSON = given[0], c.json
			c.exit, err = app.AnchorsVerify(c.world, o)
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Signature, "signature", "", "the detached signature, in a `file` (default: the file's name with .p7s)")
	f.StringVar(&o.CA, "ca", "", "trust the authorities of this `file` in PEM instead of ICANN's")
	f.StringVar(&o.Email, "email", "dnssec@iana.org", "the `address` that the signer's certificate must be of")
	f.StringVar(&o.At, "at", "", "verify at this `instant` (RFC 3339) instead of now")
	return cmd
}

func (c *commands) anchorsConvert() *cobra.Command {
	o := app.AnchorsConvertOptions{}
	cmd := &cobra.Command{
		Use:   "convert FILE",
		Short: "Print the trust anchors of a file in another form",
		Long: `convert reads trust anchors in any form and prints those that are trusted now in
another: xml, unbound, unbound-conf, bind, knot-state, knot-conf, powerdns-lua,
dnsmasq, systemd-positive or records. It changes no file. The first line says
whether the keys are known for IANA's: by the signature beside root-anchors.xml, or
because this program carries the same. Exit code 1: they are not.`,
		Example: `  holdfast anchors convert root-anchors.xml --to bind
  holdfast anchors convert /usr/share/dns/root.key --to dnsmasq`,
		Args: args(cobra.ExactArgs(1)),
		RunE: func(_ *cobra.Command, given []string) (err error) {
			o.File, o.JSON = given[0], c.json
			c.exit, err = app.AnchorsConvert(c.world, o)
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.To, "to", "", "the `form` to print")
	f.StringVar(&o.Form, "form", "", "take the file for this `form` (default: what it seems to be)")
	f.StringVar(&o.Signature, "signature", "", "the detached signature of root-anchors.xml, in a `file` (default: its name with .p7s)")
	f.StringVar(&o.CA, "ca", "", "trust the authorities of this `file` in PEM instead of ICANN's")
	f.StringVar(&o.Email, "email", "dnssec@iana.org", "the `address` that the signer's certificate must be of")
	f.StringVar(&o.At, "at", "", "take the keys that are trusted at this `instant` (RFC 3339) instead of now")
	return cmd
}
