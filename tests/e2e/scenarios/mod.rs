mod crash;
mod database;
mod dev;
mod isolation;
mod operator;
mod outage;
mod revocation;
mod seed_examples;
