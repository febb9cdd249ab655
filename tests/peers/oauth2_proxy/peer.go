//go:build never

package oauth2_proxy

import _ "github.com/oauth2-proxy/oauth2-proxy/v7"
