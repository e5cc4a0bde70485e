// Package notify carries notices to people and machines: one notice over one
// channel, and the outbox that makes each arrive. It decides nothing: what is
// sent was rendered when it was decided on, and is durable before it is tried.
package notify

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/holdfastdns/holdfast"
)

// Channels by the names that notices carry. A webhook's is ChannelWebhook and
// its own name behind it.
const (
	ChannelMail         = "mail"
	ChannelWebhook      = "webhook:"
	ChannelAlertmanager = "alertmanager"
)

// Target is where notices for staff go over a channel that machines read.
type Target struct {
	Channel   string
	Recipient string // without secrets: it is recorded and shown to staff
}

// Notifier delivers a notice over one channel. It answers nil where the other
// side has taken it, an error that wraps ErrPermanent where trying again is of
// no use, and any other error where it may be. It must come to an end when the
// context does.
type Notifier interface {
	Deliver(ctx context.Context, n holdfast.Notice) error
}

// ErrPermanent marks a refusal for good.
var ErrPermanent = errors.New("refused for good")

// permanent marks an error as one that trying again does not mend.
func permanent(err error) error { return fmt.Errorf("%w: %w", ErrPermanent, err) }

// Config is the section [notify] of the configuration: the channels, and how
// patiently they are tried.
type Config struct {
	// Mail is how mails leave; without it none do, and those decided on wait.
	Mail *MailConfig `toml:"mail"`
	// Webhooks are addresses that are told all that staff are told, by name.
	Webhooks map[string]WebhookConfig `toml:"webhooks"`
	// Alertmanager is a Prometheus Alertmanager that is told the same.
	Alertmanager *AlertmanagerConfig `toml:"alertmanager"`
	// Outbox is how notices are tried.
	Outbox OutboxConfig `toml:"outbox"`
}

// Check says all that is wrong with a configuration, each by its key.
func (c Config) Check() error {
	var errs []error
	if c.Mail != nil {
		errs = append(errs, c.Mail.check())
	}
	for name, w := range c.Webhooks {
		errs = append(errs, w.check("notify.webhooks."+name))
		if name == "" || strings.ContainsAny(name, " \t\r\n") {
			errs = append(errs, fmt.Errorf("notify.webhooks: %q is no name: want a word", name))
		}
	}
	if c.Alertmanager != nil {
		errs = append(errs, c.Alertmanager.check())
	}
	errs = append(errs, c.Outbox.check())
	return errors.Join(errs...)
}
