package main

import (
	"github.com/spf13/cobra"

	"github.com/holdfastdns/holdfast/internal/app"
)

func (c *commands) anchorsAudit() *cobra.Command {
	o := app.AuditOptions{}
	cmd := &cobra.Command{
		Use:   "audit [PATH|ADDRESS]",
		Short: "Say whether a machine will survive the next change of the root's keys",
		Long: `audit reads what a machine's resolvers are set up to trust and what their state
files say, and answers for each: which anchors, updated how, can it write, when
did it last succeed, when will it fail and how (SERVFAIL, or silently insecure),
and the line that mends it. It searches files for keys of the root, as text and as
octets; on the machine itself those in which people keep things, mounted media and
stores of containers only with --all. Nothing is written, and without --running no
program is run.

PATH is a root folder ("/" without it), a container image (docker save, or an OCI
layout), a Debian package, a program, firmware, or a folder of source. ADDRESS is
a resolver, which is asked over DNS what shows its anchors.

Every rule is explained in docs/audit.md.`,
		Example: `  holdfast anchors audit
  holdfast anchors audit image.tar --format nagios
  holdfast anchors audit / --at 2027-01-12
  holdfast anchors audit 192.0.2.53`,
		Args: args(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, given []string) (err error) {
			if len(given) == 1 {
				o.Target = given[0]
			}
			o.JSON = c.json
			c.exit, err = app.Audit(cmd.Context(), c.world, o)
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.At, "at", "", "judge at this `instant` (RFC 3339) instead of now")
	f.StringVar(&o.Format, "format", "text", "print as text, prometheus (for its textfile collector) or nagios (one line, its exit codes)")
	f.BoolVar(&o.Running, "running", false, "of this machine: also ask a BIND that runs what it trusts (rndc managed-keys status, rndc secroots)")
	f.StringVar(&o.Config, "config", "", "take the calendar of the root's keys from this configuration `file` (root_calendar)")
	f.StringVar(&o.Signed, "signed", "", "for an address: a `name` that is signed well (default iana.org)")
	f.StringVar(&o.Bogus, "bogus", "", "for an address: a `name` whose signatures do not verify (default dnssec-failed.org)")
	f.BoolVar(&o.All, "all", false, "search /home, /root, /mnt, /media and the stores of containers too")
	f.StringVar(&o.Save, "save", "", "save what was seen to this `file`")
	f.StringVar(&o.From, "from", "", "judge what was saved in this `file`; look at nothing")
	cmd.MarkFlagsMutuallyExclusive("from", "save")
	return cmd
}
