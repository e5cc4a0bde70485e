package resolvers

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Daemon is a resolver that was set up. One goroutine at a time orders it about.
type Daemon struct {
	Software Software
	Setting  Setting

	setup    setup
	programs map[string]string

	cmd  *exec.Cmd // nil while it is stopped
	gone chan struct{}
}

// New writes what the resolver needs into its folder.
func New(software Software, setting Setting) (*Daemon, error) {
	programs, err := software.find()
	if err != nil {
		return nil, fmt.Errorf("set up %s: %w", software.Name, err)
	}
	d := &Daemon{Software: software, Setting: setting, programs: programs, setup: software.setup(setting, programs)}
	if err := os.MkdirAll(setting.path("run"), 0o755); err != nil {
		return nil, fmt.Errorf("set up %s: %w", software.Name, err)
	}
	if setting.Disk > 0 {
		if err := SmallDisk(setting.path("run"), setting.Disk); err != nil {
			return nil, fmt.Errorf("set up %s: %w", software.Name, err)
		}
	}
	for name, text := range d.setup.files {
		if err := os.WriteFile(setting.path(name), []byte(text), 0o644); err != nil {
			return nil, fmt.Errorf("set up %s: %w", software.Name, err)
		}
	}
	return d, nil
}

// Config is its configuration as written, with how it is started.
func (d *Daemon) Config() string {
	return "# " + strings.Join(d.setup.args, " ") + "\n" + d.setup.files[d.setup.config]
}

// Start starts it; it need not answer yet. What it says goes into its log.
func (d *Daemon) Start() error {
	if d.Running() {
		return nil
	}
	log, err := os.OpenFile(d.Setting.path("log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("start %s: %w", d.Software.Name, err)
	}
	defer log.Close() // the daemon has its own descriptor
	cmd := exec.Command(d.setup.args[0], d.setup.args[1:]...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = d.Setting.Folder, log, log
	cmd.Env = append(append(os.Environ(), d.Setting.Env...), d.setup.env...)
	cmd.SysProcAttr = attributes()
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", d.Software.Name, err)
	}
	gone := make(chan struct{})
	d.cmd, d.gone = cmd, gone
	go func() {
		_ = cmd.Wait() // how it ended is in its log
		close(gone)
	}()
	return nil
}

// Running says whether it was started and has not ended.
func (d *Daemon) Running() bool {
	if d.cmd == nil {
		return false
	}
	select {
	case <-d.gone:
		return false
	default:
		return true
	}
}

// Ended says whether it was started and has ended by itself.
func (d *Daemon) Ended() bool { return d.cmd != nil && !d.Running() }

// patience is how long a resolver may take to end when it is asked to.
const patience = 5 * time.Second

// Stop asks it to end, and ends it where it does not. It answers nil where it was
// not running.
func (d *Daemon) Stop() error { return d.end(syscall.SIGTERM) }

// Kill ends it at once, as when the power fails.
func (d *Daemon) Kill() error { return d.end(syscall.SIGKILL) }

func (d *Daemon) end(signal os.Signal) error {
	if d.cmd == nil {
		return nil
	}
	cmd, gone := d.cmd, d.gone
	d.cmd, d.gone = nil, nil
	if err := cmd.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop %s: %w", d.Software.Name, err)
	}
	select {
	case <-gone:
		return nil
	case <-time.After(patience):
	}
	_ = cmd.Process.Kill() // it ended meanwhile, or it ends now
	<-gone
	return nil
}

// Forget removes what it keeps in its cache over a restart. It must be stopped.
func (d *Daemon) Forget() error { return d.remove(d.setup.cache) }

// Reset puts the files of the beginning back: the machine comes from an image. It
// must be stopped.
func (d *Daemon) Reset() error {
	if err := errors.Join(d.remove(d.setup.cache), d.remove(d.setup.state)); err != nil {
		return err
	}
	for _, name := range d.setup.state {
		text, ok := d.setup.files[name]
		if !ok {
			continue
		}
		if err := os.WriteFile(d.Setting.path(name), []byte(text), 0o644); err != nil {
			return fmt.Errorf("reset %s: %w", d.Software.Name, err)
		}
	}
	return nil
}

func (d *Daemon) remove(names []string) error {
	for _, name := range names {
		if err := os.Remove(d.Setting.path(name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("remove file of %s: %w", d.Software.Name, err)
		}
	}
	return nil
}

// StateFiles are the files that it keeps its anchors in.
func (d *Daemon) StateFiles() []string {
	var out []string
	for _, name := range d.setup.state {
		out = append(out, d.Setting.path(name))
	}
	return out
}

// Log is the end of what it has said, of at most so many octets.
func (d *Daemon) Log(most int) string {
	text, err := os.ReadFile(filepath.Join(d.Setting.Folder, "log"))
	if err != nil {
		return ""
	}
	return string(text[max(0, len(text)-most):])
}

// State is what a resolver keeps or says of its anchors.
type State struct {
	Name string // of the file or the command
	Text string
	// Mark is the text without what changes by itself, such as the time of the
	// next question: two states with one mark are the same.
	Mark string
}

// source is where a state is read.
type source struct {
	name     string
	file     string
	command  []string
	fleeting []string // lines with these words are no news
}

// States reads them all, those left out that are not there (yet).
func (d *Daemon) States(ctx context.Context) []State {
	var out []State
	for _, s := range d.Software.states(d.Setting) {
		text, err := s.read(ctx, d.Setting.Env, d.programs)
		if err == nil && text != "" {
			out = append(out, State{Name: s.name, Text: text, Mark: s.mark(text)})
		}
	}
	return out
}

func (s source) read(ctx context.Context, env []string, programs map[string]string) (string, error) {
	if s.file == "" {
		return say(ctx, env, programs[s.command[0]], s.command[1:]...)
	}
	text, err := os.ReadFile(s.file)
	return string(text[:min(len(text), maxSaid)]), err
}

// mark leaves out the lines that are no news.
func (s source) mark(text string) string {
	if len(s.fleeting) == 0 {
		return text
	}
	var out strings.Builder
lines:
	for line := range strings.Lines(text) {
		for _, words := range s.fleeting {
			if strings.Contains(line, words) {
				continue lines
			}
		}
		out.WriteString(line)
	}
	return out.String()
}
