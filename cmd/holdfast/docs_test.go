package main

import (
	"bytes"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/holdfastdns/holdfast/internal/app"
)

var update = flag.Bool("update", false, "write docs/commands.md anew")

// TestCommandsPage holds docs/commands.md to the commands and flags that there
// are. After a change: go test ./cmd/holdfast -run TestCommandsPage -update
func TestCommandsPage(t *testing.T) {
	file := filepath.Join("..", "..", "docs", "commands.md")
	want := commandsPage((&commands{}).root())
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is not what the commands say of themselves: go test ./cmd/holdfast -run TestCommandsPage -update", file)
	}
}

// commandsPage is docs/commands.md.
func commandsPage(root *cobra.Command) string {
	var b strings.Builder
	b.WriteString("# Commands\n\nWritten by `go test ./cmd/holdfast -run TestCommandsPage -update` from what `holdfast COMMAND --help` says.\n\n")
	b.WriteString("With every command `--json` prints [JSON](formats/commands.md) and `--help` its flags. The exit code is 0 healthy or done, 1 warning, 2 error,\n" +
		"3 critical or bogus, 4 could not work.\n")
	for _, cmd := range leaves(root) {
		fmt.Fprintf(&b, "\n## %s\n\n", cmd.CommandPath()+strings.TrimPrefix(cmd.Use, cmd.Name()))
		text := cmd.Long
		if text == "" {
			text = cmd.Short + "."
		}
		fmt.Fprintf(&b, "%s\n", text)
		if cmd.Example != "" {
			b.WriteString("\n")
			for line := range strings.Lines(cmd.Example) {
				fmt.Fprintf(&b, "    %s\n", strings.TrimSpace(line))
			}
		}
		writeFlags(&b, cmd)
	}
	b.WriteString("\n## holdfast completion SHELL\n\nPrints completion for bash, zsh, fish or powershell. The Debian package brings the first three. By hand:\n\n" +
		"    holdfast completion bash > /etc/bash_completion.d/holdfast\n" +
		"    holdfast completion zsh > \"${fpath[1]}/_holdfast\"\n" +
		"    holdfast completion fish > ~/.config/fish/completions/holdfast.fish\n")
	return b.String()
}

func writeFlags(b *strings.Builder, cmd *cobra.Command) {
	head := "\n| flag | |\n|---|---|\n"
	cmd.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
		if f.Name == "help" {
			return
		}
		b.WriteString(head)
		head = ""
		value, usage := pflag.UnquoteUsage(f)
		name := "--" + f.Name
		if f.Shorthand != "" {
			name = "-" + f.Shorthand + ", " + name
		}
		if value != "" {
			name += " " + strings.ToUpper(value)
		}
		if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "[]" && f.DefValue != "0s" {
			usage += " (" + f.DefValue + ")"
		}
		fmt.Fprintf(b, "| `%s` | %s |\n", name, strings.ReplaceAll(usage, "|", `\|`))
	})
}

// leaves are the commands that do something, in the order of the help; help and
// completion are the library's.
func leaves(cmd *cobra.Command) []*cobra.Command {
	if !cmd.HasSubCommands() {
		return []*cobra.Command{cmd}
	}
	var out []*cobra.Command
	for _, sub := range cmd.Commands() {
		if sub.Name() != "help" && sub.Name() != "completion" {
			out = append(out, leaves(sub)...)
		}
	}
	return out
}

// TestDocumentedCommandsParse reads every holdfast command line of the
// documents: in indented blocks with its arguments, and within sentences.
func TestDocumentedCommandsParse(t *testing.T) {
	inline := regexp.MustCompile("`holdfast ([a-z][^`]*)`")
	block := regexp.MustCompile(`^(?:    |\t)?(?:\$ |sudo -u holdfast )*(?:go run \./cmd/|\./)?holdfast ((?:--json )?[a-z].*)$`)
	read := 0
	for _, file := range documents(t) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(string(text), "\n") {
			if m := block.FindStringSubmatch(line); m != nil && (strings.HasPrefix(line, " ") || strings.HasPrefix(line, "holdfast ")) {
				read++
				if err := parses(m[1], true); err != nil {
					t.Errorf("%s:%d: %s: %v", file, i+1, m[1], err)
				}
			}
			for _, m := range inline.FindAllStringSubmatch(line, -1) {
				read++
				if err := parses(m[1], false); err != nil {
					t.Errorf("%s:%d: %s: %v", file, i+1, m[1], err)
				}
			}
		}
	}
	if read < 40 {
		t.Errorf("only %d command lines found: does the test still see them?", read)
	}
}

// documents are all texts that speak of commands.
func documents(t *testing.T) []string {
	t.Helper()
	root := filepath.Join("..", "..")
	files, err := filepath.Glob(filepath.Join(root, "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(filepath.Join(root, "docs"), func(path string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".md") {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// parses says whether a command line names a command and flags that there are
// and, if whole, the arguments that it wants.
func parses(line string, whole bool) error {
	for _, end := range []string{" #", " |", " >", " &&", ";", `\`} {
		line, _, _ = strings.Cut(line, end)
	}
	root := (&commands{}).root()
	root.InitDefaultCompletionCmd()
	root.InitDefaultHelpFlag()
	cmd, rest, err := root.Find(words(line))
	if err != nil {
		return err
	}
	if cmd == root {
		return fmt.Errorf("no such command")
	}
	cmd.InitDefaultHelpFlag()
	if err := cmd.ParseFlags(rest); err != nil {
		// A flag that is only named has no value yet.
		if !whole && strings.Contains(err.Error(), "needs an argument") {
			return nil
		}
		return err
	}
	if cmd.HasSubCommands() && len(cmd.Flags().Args()) > 0 {
		return fmt.Errorf("%s has no command %s", cmd.CommandPath(), cmd.Flags().Arg(0))
	}
	if whole {
		return cmd.ValidateArgs(cmd.Flags().Args())
	}
	return nil
}

// words splits a line as a shell does, as far as documents need it.
func words(line string) []string {
	var out []string
	for _, m := range regexp.MustCompile(`"([^"]*)"|'([^']*)'|(\S+)`).FindAllStringSubmatch(line, -1) {
		out = append(out, m[1]+m[2]+m[3])
	}
	return out
}

// TestCompletion: the four shells get their script, and commands complete.
func TestCompletion(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		var out bytes.Buffer
		if exit := run(t.Context(), []string{"completion", shell}, app.World{Stdout: &out, Stderr: &out}); exit != app.Healthy || out.Len() < 1000 || !strings.Contains(out.String(), "holdfast") {
			t.Errorf("%s: exit %d, %d octets", shell, exit, out.Len())
		}
	}
	var out bytes.Buffer
	run(t.Context(), []string{"__complete", "notices", "re"}, app.World{Stdout: &out, Stderr: &out})
	if !strings.Contains(out.String(), "release\t") {
		t.Errorf("notices re: %s", out.String())
	}
}
