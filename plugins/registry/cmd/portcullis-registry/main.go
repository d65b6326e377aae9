// Command portcullis-registry is CNCF Distribution, a registry, with Portcullis as an access controller.
//
// It stores in files, in memory and in S3. Google's and Azure's drivers would double its size and the time that it takes to
// build: whoever needs one imports it here.
package main

import (
	"crypto/sha256"
	"fmt"
	"os"
	"strings"

	"github.com/distribution/distribution/v3/registry"
	_ "github.com/distribution/distribution/v3/registry/auth/htpasswd"
	_ "github.com/distribution/distribution/v3/registry/auth/token"
	_ "github.com/distribution/distribution/v3/registry/proxy"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/filesystem"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/inmemory"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/middleware/redirect"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/middleware/rewrite"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/s3-aws"
	"github.com/spf13/cobra"

	_ "portcullis.example/registry/controller"
	"portcullis.example/registry/embedded"
)

const about = `portcullis-registry is CNCF Distribution with the access controller portcullis:

  auth:
    portcullis:
      policy: /etc/registry/policy.toml

Its options: policy (a file, read again when it changes), component, origin, instances, deadline, ca, resolve, cache.`

func main() {
	registry.RootCmd.Use = "portcullis-registry"
	registry.RootCmd.Short = "A registry, with Portcullis"
	registry.RootCmd.Long = about
	run := registry.RootCmd.Run
	registry.RootCmd.Run = func(cmd *cobra.Command, args []string) {
		run(cmd, args)
		if asked, _ := cmd.Flags().GetBool("version"); asked {
			fmt.Println("portcullis component " + within())
		}
	}
	defer plainly()
	if registry.RootCmd.Execute() != nil {
		os.Exit(1)
	}
}

// within tells the component that is part of the program, by its SHA-256.
func within() string {
	component, err := embedded.Component()
	if err != nil {
		return "none: " + err.Error()
	}
	return fmt.Sprintf("sha256:%x", sha256.Sum256(component))
}

// plainly tells what is wrong with the configuration of an access controller, for which the registry panics, as an error.
func plainly() {
	panicked := recover()
	if panicked == nil {
		return
	}
	text, is := panicked.(string)
	if !is || !strings.HasPrefix(text, "unable to configure authorization") {
		panic(panicked)
	}
	fmt.Fprintln(os.Stderr, "portcullis-registry: "+text)
	os.Exit(1)
}
