//! The code on the pages in `docs/` compiles: each page is the documentation of an item here.

macro_rules! pages {
    ($($page:ident = $file:literal)+) => {
        $(#[doc = include_str!(concat!("../../docs/", $file, ".md"))]
        struct $page;)+
    };
}

pages! {
    Start = "start"
    YourProvider = "your-provider"
    ExactlyOnce = "exactly-once"
    EventOrder = "order"
    EventParking = "parking"
    WhereItRuns = "where-it-runs"
    RunningSeveral = "running-several"
    Rotation = "rotation"
    Tenants = "tenants"
    Seeing = "seeing"
    Discord = "providers/discord"
    Github = "providers/github"
    Shopify = "providers/shopify"
    Slack = "providers/slack"
    StandardWebhooks = "providers/standard-webhooks"
    Stripe = "providers/stripe"
    Twilio = "providers/twilio"
}
