package main

import (
	"github.com/spf13/cobra"

	"github.com/holdfastdns/holdfast/internal/app"
)

// anchors is the parent of all commands on trust anchors.
func (c *commands) anchors() *cobra.Command {
	group := group("anchors", "Trust anchors: what files hold, whether they are IANA's, which machine will fail")
	group.AddCommand(c.anchorsShow())
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
